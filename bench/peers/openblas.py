"""OpenBLAS as a peer: its float32 matrix product. Protocol: see peer.ts.

Calls the library directly: this needs no other package, and the number of threads can change between calls.
"""
import ctypes
import json
import random
import sys
import time

for name in ("libopenblas.so.0", "libopenblas.so", "libopenblas.dylib"):
    try:
        blas = ctypes.CDLL(name)
        break
    except OSError:
        continue
else:
    print(json.dumps({"missing": "no libopenblas"}))
    sys.exit()

blas.openblas_get_config.restype = ctypes.c_char_p
blas.openblas_get_corename.restype = ctypes.c_char_p
version = " ".join(blas.openblas_get_config().decode().split()[:2])
print(json.dumps({"version": f"{version} ({blas.openblas_get_corename().decode()} kernels)"}), flush=True)

SIZE = json.loads(sys.argv[1])["size"]
ROW_MAJOR, NOT_TRANSPOSED = 101, 111
row = [random.Random(0).random() for _ in range(SIZE)]
a, b, c = ((ctypes.c_float * SIZE**2)(*(row * SIZE)) for _ in range(3))
one, zero = ctypes.c_float(1), ctypes.c_float(0)

for line in sys.stdin:
    request = json.loads(line)
    blas.openblas_set_num_threads(request["threads"])
    began = time.perf_counter()
    for _ in range(request["times"]):
        blas.cblas_sgemm(
            ROW_MAJOR, NOT_TRANSPOSED, NOT_TRANSPOSED, SIZE, SIZE, SIZE, one, a, SIZE, b, SIZE, zero, c, SIZE
        )
    print(json.dumps({"seconds": (time.perf_counter() - began) / request["times"]}), flush=True)
