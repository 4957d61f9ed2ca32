"""Puts embeddings into a Chroma store: `chroma.py FOLDER FIRST COUNT`. No model is loaded; embeddings are random numbers from a seed."""

import os
import sys

os.environ["ANONYMIZED_TELEMETRY"] = "False"

import chromadb
import numpy
from chromadb.config import Settings

DIMENSIONS = 384
BATCH = 500
WORDS = "fever cough follow-up blood pressure normal raised dose twice daily referred scan clear review in two weeks".split()


def main(folder, first, count):
    client = chromadb.PersistentClient(path=folder, settings=Settings(anonymized_telemetry=False))
    notes = client.get_or_create_collection("notes", embedding_function=None)
    for begin in range(first, first + count, BATCH):
        numbers = range(begin, min(begin + BATCH, first + count))
        random = [numpy.random.default_rng(n) for n in numbers]
        notes.add(
            ids=[f"note-{n}" for n in numbers],
            embeddings=[r.random(DIMENSIONS, dtype=numpy.float32) for r in random],
            documents=[" ".join(r.choice(WORDS, 40)) for r in random],
        )


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
