"""Writes to a Chroma store, or asks it: the application of tests/chroma.rs.

    store.py write FOLDER NOTE   adds ten embeddings at a time until its input ends; NOTE tells how many were acknowledged
    store.py ask FOLDER LEAST    opens the store, checks that the first LEAST are there and found, and adds some more

No model is loaded, and nothing is told to anybody: embeddings are given, and telemetry is off.
"""

import os
import sys
import threading

os.environ["ANONYMIZED_TELEMETRY"] = "False"

import chromadb
import numpy
from chromadb.config import Settings

DIMENSIONS = 16
BATCH = 10
# Chroma writes its index files anew each time so many were added.
SYNC_EVERY = 200


def vectors(first, last):
    """Embeddings of these numbers: the same in every process, and no two alike."""
    return numpy.stack([numpy.random.default_rng(n).random(DIMENSIONS, dtype=numpy.float32) for n in range(first, last)])


def open_collection(folder):
    client = chromadb.PersistentClient(path=folder, settings=Settings(anonymized_telemetry=False))
    configuration = {"hnsw": {"space": "l2", "sync_threshold": SYNC_EVERY, "batch_size": 50}}
    return client.get_or_create_collection("notes", embedding_function=None, configuration=configuration)


def add(collection, first):
    numbers = range(first, first + BATCH)
    collection.add(
        ids=[f"note-{n}" for n in numbers],
        embeddings=vectors(first, first + BATCH),
        documents=[f"what note {n} says" for n in numbers],
        metadatas=[{"number": n} for n in numbers],
    )


def write(folder, note):
    end = threading.Thread(target=sys.stdin.read, daemon=True)
    end.start()
    collection = open_collection(folder)
    count = collection.count()
    ready = count + 3 * SYNC_EVERY
    while end.is_alive():
        add(collection, count)
        count += BATCH
        with open(note + ".new", "w") as file:
            file.write(str(count))
        os.replace(note + ".new", note)
        if count == ready:
            print("ready", flush=True)


def ask(folder, least):
    collection = open_collection(folder)
    count = collection.count()
    assert count >= least, f"{count} are there, {least} were acknowledged"
    stored = collection.get(include=["embeddings", "documents", "metadatas"])
    numbers = [metadata["number"] for metadata in stored["metadatas"]]
    assert sorted(numbers) == list(range(count)), "each number once, and none missing"
    for n, name, said in zip(numbers, stored["ids"], stored["documents"]):
        assert (name, said) == (f"note-{n}", f"what note {n} says"), name
    expected = vectors(0, count)
    given = numpy.empty_like(expected)
    given[numbers] = numpy.asarray(stored["embeddings"], dtype=numpy.float32)
    assert numpy.array_equal(given, expected), "the embeddings are those that were added"
    check_search(collection, expected)
    add(collection, count)
    assert collection.count() == count + BATCH, "the store can be written to"
    print(f"found {count}")


def check_search(collection, expected):
    """Each of every tenth of the embeddings is found by itself, and the five nearest are nearly always the true ones."""
    asked = list(range(0, len(expected), 10)) + list(range(max(len(expected) - 30, 0), len(expected)))
    found = collection.query(query_embeddings=expected[asked], n_results=5, include=["distances"])["ids"]
    right = 0
    for n, names in zip(asked, found):
        assert names[0] == f"note-{n}", f"note-{n} is not its own nearest neighbour: {names}"
        distances = ((expected - expected[n]) ** 2).sum(axis=1)
        nearest = {f"note-{other}" for other in numpy.argsort(distances)[:5]}
        right += len(nearest.intersection(names))
    assert right >= 0.95 * 5 * len(asked), f"{right} of {5 * len(asked)} nearest neighbours"


if sys.argv[1] == "write":
    write(*sys.argv[2:])
else:
    ask(sys.argv[2], int(sys.argv[3]))
