#!/usr/bin/env python3
"""Writes the first inputs of the fuzzers, tests/fuzz/corpus/READER/seed_*: small files of each kind that the readers know.

What the fuzzers found lies beside them under other names, and stays.
"""

import json
import pathlib
import struct
import zlib

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"


def npy(header, data, version=1):
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(header)) + header + data


def safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def png(width, height, depth, colours, rows, more=b""):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0)) + more
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def change(what, which, content):
    return bytes([what, which, len(content)]) + content


def dictionary(descr, shape, order="False"):
    return f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()


SIX = bytes(range(1, 7))
SEEDS = {
    "npy": {
        "float32": npy(dictionary("<f4", "(2, 3)"), struct.pack("<6f", *SIX)),
        "column_major": npy(dictionary(">f8", "(2, 3)", "True"), struct.pack(">6d", *SIX)),
        "half": npy(dictionary("<f2", "(3,)"), SIX, 2),
        "bool": npy(b'{"shape": (6,), "fortran_order": False, "descr": "|b1"}', SIX, 3),
        "int64": npy(dictionary("<i8", "()"), struct.pack("<q", 2**53 + 1)),
        "empty": npy(dictionary("<u2", "(0, 3)"), b""),
        "huge": npy(dictionary("<f8", f"({2**40}, {2**20})"), b""),
    },
    "csv": {
        "comma": b"\x001,2.5\n-3e-2,+.4\n",
        "header": b"\x0da;b\r\n1;\"x\"\"y\"\r\nNA;2\r\n",
        "tab": b"\x03\xef\xbb\xbf1\t2\n3\t 4\n\n",
        "float64": b"\x041e308,1e-300\n",
        "carriage_return": b"\x001,2\r3,4\r",
        "utf16": b"\x00\xff\xfe1\x00,\x002\x00",
    },
    "idx": {
        "bytes": struct.pack(">HBBII", 0, 8, 2, 2, 3) + SIX,
        "int32": struct.pack(">HBBI", 0, 12, 1, 1) + struct.pack(">i", -7),
        "float64": struct.pack(">HBBI", 0, 14, 1, 1) + struct.pack(">d", 0.5),
        "huge": struct.pack(">HBBIII", 0, 8, 3, 2**31, 2**31, 2**31),
    },
    "image": {
        "grey": png(2, 2, 8, 0, b"\0\x10\x20\0\x30\x40"),
        "colours": png(1, 1, 8, 2, b"\0" + SIX[:3]),
        "deep": png(1, 1, 16, 6, b"\0" + SIX + b"\7\7"),
        "bits": png(9, 1, 1, 0, b"\0\xaa\x80"),
        "palette": png(2, 1, 8, 3, b"\0\0\1", struct.pack(">I", 6) + b"PLTE" + SIX + bytes(4)),
        "huge": png(30000, 30000, 8, 6, b"\0"),
        "ppm": b"P6\n# comment\n1 2 255\n" + SIX,
        "pgm": b"P5 1 1 65535\n\x12\x34",
    },
    "rows": {  # of PNG files: width, height, depth, kind of colours, interlaced, colours in the palette, rows
        "grey": bytes([2, 2, 3, 0, 0, 0]) + b"\0\x10\x20\1\x30\x40",
        "filters": bytes([1, 5, 3, 1, 0, 0]) + b"".join(bytes([filter]) + SIX[:3] for filter in range(5)),
        "deep": bytes([1, 1, 4, 4, 0, 0]) + b"\0" + SIX + b"\7\7",
        "bits": bytes([9, 1, 0, 0, 0, 0]) + b"\0\xaa\x80",
        "palette": bytes([2, 1, 3, 2, 0, 3]) + SIX + SIX[:3] + b"\1\2\3" + b"\0\0\1",
        "interlaced": bytes([3, 3, 3, 0, 1, 0]) + bytes(18),
    },
    "safetensors": {
        "two": safetensors({"__metadata__": {"a": "b"}, "x": entry("F32", [2], 0, 8), "y": entry("F64", [], 8, 16)},
                           struct.pack("<2fd", 1, 2, 3)),
        "kinds": safetensors({kind: entry(kind, [2], 2 * size * i, 2 * size * (i + 1)) for size, i, kind in
                              [(1, 0, "BOOL"), (1, 1, "U8"), (1, 2, "I8")]}, SIX),
        "halves": safetensors({"h": entry("F16", [2], 0, 4), "x": entry("BF16", [1], 4, 6)}, SIX),
        "whole": safetensors({"i": entry("I64", [1], 0, 8)}, struct.pack("<q", 2**53 + 1)),
        "unknown": safetensors({"q": entry("F8_E4M3", [2], 0, 2), "x": entry("F32", [1], 2, 6)}, SIX),
        "null": safetensors(b'{"__metadata__":null}'),
        "huge": safetensors({"x": entry("F32", [2**31, 2**31], 0, 4)}, bytes(4)),
    },
    "checkpoint": {
        "whole": b"",
        "step": change(0, 20, b"12345"),
        "texts": change(0, 1, b"nan") + change(1, 2, b"other") + change(0, 40, b"-1"),
        "tensors": change(3, 3, b"\x02\x01") + change(2, 0, b"model.weight") + change(4, 5, struct.pack("<d", 1e300)),
    },
    "text": {
        "cosine": b"scosine(0.001, 1000, 1e-05).warm_up(100)",
        "step": b"sstep(0.1, 10, 0.5)",
        "exponential": b"sexponential(1, 0.5)",
        "k": b"kk_schedule(64, 8, 10, 100)",
        "generator": b"gmt19937_64 " + b" ".join(str(i).encode() for i in range(312)) + b" 312 spare 3ff0000000000000",
    },
}


def main():
    for reader, seeds in SEEDS.items():
        folder = CORPUS / reader
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in seeds.items():
            (folder / f"seed_{name}").write_bytes(content)


if __name__ == "__main__":
    main()
