#!/usr/bin/env python3
"""Reads a repository of format 1, written from docs/format.md alone.

    read.py REPOSITORY                       lists the snapshots
    read.py REPOSITORY --extract ID FOLDER   writes one of them into a new folder
    read.py REPOSITORY --check               reads everything that any snapshot leads to

Needs `zstandard` and `blake3` from PyPI. It uses nothing of lifeboat, not even the index cache, so what it restores proves that
the document tells all there is to know. It checks every hash and every *must* of the document that concerns a reader.
"""

import argparse
import datetime
import os
import re
import struct
import sys

import zstandard
from blake3 import blake3

MIB = 1 << 20
MAX_PLAIN = 4 * MIB
MAX_STORED = MAX_PLAIN + 4096
MAX_ENTRIES = 131_072
MAX_OBJECT = 16 * MIB
MAX_VALUE = 4 * MIB
MAX_MANIFEST = 64 * MIB
MAX_DEPTH = 8
MAX_LINKS = 16
RAW, ZSTD, PREFIX = 0, 1, 2
DATA, META = 1, 2
LIST, FOLDER, MANIFEST = 0x11, 0x21, 0x31


class Refused(Exception):
    """The bytes are not what the format allows."""


def need(condition, what):
    if not condition:
        raise Refused(what)


# Encoded values


class Decoder:
    """Takes fields off the front of an encoded value."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        need(count <= len(self.data) - self.at, "a value ends early")
        part = self.data[self.at : self.at + count]
        self.at += count
        return part

    def end(self):
        need(self.at == len(self.data), "bytes follow a value")

    def u8(self):
        return self.take(1)[0]

    def varint(self, width):
        first = self.take(1)[0]
        if first <= 250:
            return first
        size = {251: 2, 252: 4, 253: 8}.get(first, 0)
        need(0 < size <= width, "a number does not fit its type")
        number = int.from_bytes(self.take(size), "little")
        smallest = {2: 251, 4: 1 << 16, 8: 1 << 32}[size]
        need(number >= smallest, "a number is written longer than needed")
        return number

    def u32(self):
        return self.varint(4)

    def u64(self):
        return self.varint(8)

    def signed(self, width):
        number = self.varint(width)
        return number >> 1 if number % 2 == 0 else -(number >> 1) - 1

    def i32(self):
        return self.signed(4)

    def i64(self):
        return self.signed(8)

    def bool(self):
        byte = self.u8()
        need(byte <= 1, "a bool is neither 0 nor 1")
        return byte == 1

    def id(self, count):
        return self.take(count)

    def count(self):
        count = self.u64()
        need(count <= len(self.data) - self.at, "a count is larger than what follows")
        return count

    def bytes(self):
        return self.take(self.count())

    def text(self):
        try:
            return self.bytes().decode("utf-8")
        except UnicodeDecodeError as error:
            raise Refused("a text is no UTF-8") from error

    def option(self, read):
        return read() if self.bool() else None

    def list(self, read):
        return [read() for _ in range(self.count())]

    def map(self, read):
        pairs = self.list(lambda: (self.text(), read()))
        keys = [key.encode() for key, _ in pairs]
        need(all(a < b for a, b in zip(keys, keys[1:])), "keys do not ascend")
        return dict(pairs)

    def choice(self, *variants):
        number = self.u32()
        need(number < len(variants), "an unknown variant")
        name, read = variants[number]
        return name, read() if read else None


def decode(data, read, limit=MAX_VALUE):
    need(len(data) <= limit, "a value is too long")
    decoder = Decoder(data)
    value = read(decoder)
    decoder.end()
    return value


def describes(data, what):
    """The value of a description."""
    need(data[:1] == bytes([what]), "a description is of something else, or newer")
    return data[1:]


# Objects


def unwrap(data, kind):
    need(43 <= len(data) <= MAX_OBJECT, "an object is cut short or too long")
    need(blake3(data[:-32]).digest() == data[-32:], "the hash of an object does not match")
    need(data[:8] == b"LIFEBOAT", "an object does not begin as one")
    need(data[8] == kind, "an object is of another kind")
    version = int.from_bytes(data[9:11], "little")
    need(version == 1, f"version {version} is not version 1")
    return data[11:-32]


def read_config(value):
    config = {"id": value.id(16), "features": value.list(value.text)}
    need(not config["features"], f"unknown features {config['features']}")
    return config


def read_content(value):
    content = {"len": value.u64(), "depth": value.u8(), "refs": value.list(lambda: read_ref(value))}
    need(content["depth"] <= MAX_DEPTH, "a content is too deep")
    need(sum(ref[1] for ref in content["refs"]) == content["len"], "the lengths of a content do not add up")
    return content


def read_ref(value):
    ref = value.id(32), value.u64()
    need(ref[1] > 0, "a reference to nothing")
    return ref


def read_name(value):
    name = value.bytes()
    bad = not 1 <= len(name) <= 1024 or b"/" in name or b"\0" in name or name in (b".", b"..")
    need(not bad, f"unsafe name {name!r}")
    return name


def read_time(value):
    time = value.i64(), value.u32()
    need(time[1] < 1_000_000_000, "a time has too many nanoseconds")
    return time


def read_entry(value):
    return {"name": read_name(value), "meta": read_meta(value), "node": read_node(value)}


def read_meta(value):
    meta = {"mode": value.u32(), "uid": value.u32(), "gid": value.u32(), "mtime": read_time(value)}
    meta["xattrs"] = value.list(lambda: (value.bytes(), value.bytes()))
    return meta


def read_node(value):
    def file():
        node = {"content": read_content(value)}
        node["seen"] = value.option(lambda: (value.u64(), read_time(value)))
        node["links"] = value.option(value.u64)
        return node

    def database():
        return {"content": read_content(value), "seen": value.option(lambda: value.id(32))}

    def special():
        kinds = [(kind, None) for kind in ("pipe", "socket", "character device", "block device")]
        return {"kind": value.choice(*kinds)[0], "device": value.u64()}

    return value.choice(
        ("file", file),
        ("database", database),
        ("folder", lambda: {"entries": read_content(value)}),
        ("symlink", lambda: {"target": value.bytes()}),
        ("special", special),
    )


def read_manifest(value):
    def path():
        return value.list(lambda: read_name(value))

    def source():
        return {"path": value.bytes(), "files": value.u64(), "root": read_entry(value)}

    def database():
        found = {"source": value.u32(), "path": path(), "facts": read_facts(value)}
        found["checked_ms"] = value.option(value.i64)
        return found

    def flag():
        flaws = [(flaw, None) for flaw in ("changed", "missing", "damaged")]
        return {"source": value.u32(), "path": path(), "flaw": value.choice(*flaws)[0]}

    return {"sources": value.list(source), "databases": value.list(database), "flags": value.list(flag)}


def read_facts(value):
    facts = {"page_size": value.u32(), "pages": value.u64()}
    facts |= {"journal_mode": value.text(), "encoding": value.text()}
    facts |= {"user_version": value.i32(), "application_id": value.i32()}
    facts["schema_hash"] = value.option(lambda: value.id(32))
    facts["row_counts"] = value.map(value.u64)
    facts["row_counts_complete"] = value.bool()
    facts["counts"] = value.map(lambda: value.choice(("is", value.i64), ("unknown", value.text)))
    texts = lambda: value.list(value.text)
    facts["check"] = value.choice(("not done", None), ("ok", None), ("damaged", texts), ("unable", value.text))
    facts["rolled_back"] = value.bool()
    return facts


def read_record(value):
    record = {"repository": value.id(16), "id": value.id(16), "sequence": value.u64(), "parent": value.option(lambda: value.id(16))}
    record |= {"time_ms": value.i64(), "offset_minutes": value.i32(), "duration_ms": value.u64()}
    record |= {"host": value.text(), "sources": value.list(value.bytes), "tags": value.list(value.text)}
    record["description"] = value.text()
    for field in ("files", "bytes", "new_bytes", "stored_bytes"):
        record[field] = value.u64()
    record["manifest"] = read_content(value)
    return record


# Packs

FOOTER = struct.Struct("<HB16s32sIQ32s8s")
ENTRY = struct.Struct("<B32sII")


def read_trailer(path, pack):
    """The hash of a pack's body, and every copy in it: (id, path, kind, offset, encoding, stored length, plain length, base)."""
    with open(path, "rb") as file:
        length = os.fstat(file.fileno()).st_size
        need(length >= 111, "a pack is cut short")
        need(file.read(8) == b"LBPACK\r\n", "a pack does not begin as one")
        file.seek(length - 103)
        footer = file.read(103)
        version, kind, name, body_hash, entries, body, trailer_hash, end = FOOTER.unpack(footer)
        need(end == b"LBPKEND\n", "a pack does not end as one")
        table_length = length - 111 - body
        need(entries <= MAX_ENTRIES, "a pack has too many entries")
        need(41 * entries <= table_length <= 49 * entries, "the lengths of a pack do not fit")
        file.seek(8 + body)
        table = file.read(table_length)
    need(blake3(table + footer[:63]).digest() == trailer_hash, "the hash of a trailer does not match")
    need(version == 1, f"pack version {version} is not version 1")
    need(kind in (DATA, META) and name == pack, "a pack is not what its name says")
    return body_hash, list(read_table(path, kind, table, entries, body))


def read_table(path, kind, table, entries, body):
    at, offset = 0, 8
    for _ in range(entries):
        need(at + 41 <= len(table), "a table ends early")
        encoding, chunk, stored, plain = ENTRY.unpack_from(table, at)
        need(encoding <= PREFIX, "an unknown encoding")
        need(stored <= MAX_STORED and plain <= MAX_PLAIN, "a chunk is too long")
        at += 41
        base = None
        if encoding == PREFIX:
            need(at + 8 <= len(table), "a table ends early")
            base = table[at : at + 8]
            at += 8
        yield chunk, path, kind, offset, encoding, stored, plain, base
        offset += stored
    need(at == len(table) and offset == 8 + body, "the lengths of a trailer do not add up")


def chunk_id(kind, plain):
    return blake3(plain, derive_key_context="lifeboat 1 metadata" if kind == META else None).digest()


def inflate(frame, prefix, length):
    """The bytes of exactly one frame, which are so many."""
    dictionary = None
    if prefix:
        dictionary = zstandard.ZstdCompressionDict(prefix, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    need(frame[:4] == b"\x28\xb5\x2f\xfd", "a frame does not begin as one")
    stream = zstandard.ZstdDecompressor(dict_data=dictionary).decompressobj()
    plain, at = b"", 0
    try:
        # A little at a time, so that a frame which gives more than it should is left before it does.
        while at < len(frame) and not stream.eof and len(plain) <= length:
            plain += stream.decompress(frame[at : at + 256])
            at += 256
    except zstandard.ZstdError as error:
        raise Refused(f"a frame does not decompress: {error}") from error
    need(at >= len(frame), "bytes follow a frame, or it is too long")
    need(stream.eof and not stream.unused_data, "bytes follow a frame, or it is cut short")
    need(len(plain) == length, "a frame has another length")
    return plain


class Repository:
    def __init__(self, place):
        self.place = place
        self.id = self.read_either_config()
        self.refuse_features()
        self.records = self.read_records()
        self.copies, self.by_prefix, self.bodies = {}, {}, {}
        # Records first, then packs: so every chunk that a record leads to is found.
        for path, pack in self.named("packs", "pack"):
            self.bodies[path], copies = read_trailer(path, pack)
            for copy in copies:
                self.copies.setdefault(copy[0], []).append(copy)
                self.by_prefix.setdefault(copy[0][:8], set()).add(copy[0])

    def named(self, folder, ending):
        form = re.compile(r"([0-9a-f]{32})\." + ending)
        for name in sorted(os.listdir(os.path.join(self.place, folder))):
            match = form.fullmatch(name)
            if match:
                yield os.path.join(self.place, folder, name), bytes.fromhex(match[1])

    def read_either_config(self):
        reasons = []
        for name in ("config", "config.copy"):
            try:
                with open(os.path.join(self.place, name), "rb") as file:
                    return decode(unwrap(file.read(MAX_OBJECT + 1), 1), read_config)["id"]
            except (OSError, Refused) as error:
                reasons.append(f"{name}: {error}")
        raise Refused("; ".join(reasons))

    def refuse_features(self):
        folder = os.path.join(self.place, "features")
        names = os.listdir(folder) if os.path.isdir(folder) else []
        unknown = [name for name in names if name.endswith(".read")]
        need(not unknown, f"unknown features {unknown}")

    def read_records(self):
        records = []
        for path, name in self.named("snapshots", "snapshot"):
            with open(path, "rb") as file:
                record = decode(unwrap(file.read(MAX_OBJECT + 1), 2), read_record)
            need(record["id"] == name, "a record is of another snapshot")
            need(record["repository"] == self.id, "a record is of another repository")
            records.append(record)
        return sorted(records, key=lambda record: (record["sequence"], record["id"]))

    def chunk(self, kind, chunk):
        reasons = ["no pack has it"]
        for copy in self.copies.get(chunk, []):
            for plain in self.candidates(copy, reasons):
                if chunk_id(kind, plain) == chunk:
                    return plain
                reasons.append("its content does not match its id")
        raise Refused(f"chunk {chunk.hex()}: {reasons[-1]}")

    def candidates(self, copy, reasons, links=0):
        """What the copy may be: of a delta, one result for each chunk that its base may be."""
        _, path, kind, offset, encoding, length, plain_length, base = copy
        with open(path, "rb") as file:
            file.seek(offset)
            stored = file.read(length)
        bases = [b""] if base is None else self.bases(kind, base, reasons, links + 1)
        for plain in bases:
            try:
                if encoding == RAW:
                    need(length == plain_length, "a raw chunk has two lengths")
                    yield stored
                else:
                    yield inflate(stored, plain, plain_length)
            except Refused as error:
                reasons.append(str(error))

    def bases(self, kind, prefix, reasons, links):
        need(links <= MAX_LINKS, "a chain of deltas is longer than any")
        for chunk in sorted(self.by_prefix.get(prefix, ())):
            for copy in self.copies[chunk]:
                for plain in self.candidates(copy, reasons, links):
                    if chunk_id(kind, plain) == chunk:
                        yield plain

    def pieces(self, kind, content):
        """The plain bytes of a content, chunk by chunk."""
        return self.pieces_of(kind, content["refs"], content["depth"])

    def pieces_of(self, kind, refs, depth):
        for chunk, length in refs:
            if depth == 0:
                plain = self.chunk(kind, chunk)
                need(len(plain) == length, "a chunk is not as long as its reference says")
                yield plain
                continue
            node = describes(self.chunk(META, chunk), LIST)
            inner = decode(node, lambda value: value.list(lambda: read_ref(value)))
            need(sum(ref[1] for ref in inner) == length, "a list is not as long as its reference says")
            yield from self.pieces_of(kind, inner, depth - 1)

    def manifest(self, record):
        need(record["manifest"]["len"] <= MAX_MANIFEST, "a manifest is too long")
        manifest = describes(b"".join(self.pieces(META, record["manifest"])), MANIFEST)
        return decode(manifest, read_manifest, MAX_MANIFEST)

    def entries(self, content):
        last = b""
        for node in self.pieces(META, content):
            for entry in decode(describes(node, FOLDER), lambda value: value.list(lambda: read_entry(value))):
                need(entry["name"] > last, "the names of a folder do not ascend")
                last = entry["name"]
                yield entry

    def walk(self, record):
        """Every entry of a snapshot with its path, a folder before what is in it."""
        sources = self.manifest(record)["sources"]
        alone = len(sources) == 1 and sources[0]["root"]["node"][0] == "folder"
        for number, source in enumerate(sources):
            root = source["root"]
            path = [] if alone else [b"%d-%s" % (number, root["name"])]
            waiting = [(path, root)]
            while waiting:
                path, entry = waiting.pop()
                if path:
                    yield path, entry
                kind, node = entry["node"]
                if kind == "folder":
                    below = [(path + [child["name"]], child) for child in self.entries(node["entries"])]
                    waiting.extend(reversed(below))

    def extract(self, record, target):
        target = os.fsencode(target)
        os.mkdir(target)
        folders = []
        for path, entry in self.walk(record):
            at = os.path.join(target, *path)
            kind, node = entry["node"]
            if kind == "folder":
                os.mkdir(at)
                folders.append((at, entry["meta"]))
            elif kind in ("file", "database"):
                written = 0
                with open(at, "xb") as file:
                    for plain in self.pieces(DATA, node["content"]):
                        written += file.write(plain)
                need(written == node["content"]["len"], "a file has another length")
                describe(at, entry["meta"])
            elif kind == "symlink":
                os.symlink(node["target"], at)
        for at, meta in reversed(folders):
            describe(at, meta)

    def check(self):
        for path, expected in self.bodies.items():
            with open(path, "rb") as file:
                data = file.read()
            end = int.from_bytes(data[-48:-40], "little") + 8
            need(blake3(data[8:end]).digest() == expected, f"{path}: the hash of its body does not match")
        for chunk, copies in self.copies.items():
            self.chunk(copies[0][2], chunk)
        for record in self.records:
            files = size = 0
            for _, entry in self.walk(record):
                kind, node = entry["node"]
                if kind in ("file", "database"):
                    files += 1
                    size += sum(len(plain) for plain in self.pieces(DATA, node["content"]))
            need((files, size) == (record["files"], record["bytes"]), "a record counts otherwise")


def describe(path, meta):
    os.chmod(path, meta["mode"] & 0o777)
    nanoseconds = meta["mtime"][0] * 1_000_000_000 + meta["mtime"][1]
    os.utime(path, ns=(nanoseconds, nanoseconds))


def listing(repository):
    for record in repository.records:
        zone = datetime.timezone(datetime.timedelta(minutes=record["offset_minutes"]))
        time = datetime.datetime.fromtimestamp(record["time_ms"] / 1000, zone)
        sources = " ".join(ascii(source.decode("utf-8", "replace"))[1:-1] for source in record["sources"])
        print(record["id"].hex(), time.isoformat(timespec="seconds"), record["files"], record["bytes"], sources)


def main():
    parser = argparse.ArgumentParser(description="Reads a repository of lifeboat, format 1.")
    parser.add_argument("repository")
    parser.add_argument("--extract", nargs=2, metavar=("ID", "FOLDER"))
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    try:
        repository = Repository(arguments.repository)
        if arguments.check:
            repository.check()
        elif arguments.extract:
            wanted, target = arguments.extract
            found = [r for r in repository.records if r["id"].hex().startswith(wanted)]
            need(len(found) == 1, f"{len(found)} snapshots are called {wanted}")
            repository.extract(found[0], target)
        else:
            listing(repository)
    except Refused as error:
        sys.exit(f"refused: {error}")


if __name__ == "__main__":
    main()
