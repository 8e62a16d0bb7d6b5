"""
A cable between two network namespaces that delays frames and loses some, for kernels without netem.

    python3 slow-cable.py HOST_A HOST_B DELAY_MS LOSS_PERCENT

Each namespace gets an Ethernet device `slow`. Prints a line when both are there; runs until it is killed.
"""
import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import sys
import time

# From linux/if_tun.h: TUNSETIFF; IFF_TAP: Ethernet frames; IFF_NO_PI: without a header.
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
CLONE_NEWNET = 0x40000000
FRAME_BYTES = 65536
libc = ctypes.CDLL(None, use_errno=True)


def open_device(host):
    with open(f"/run/netns/{host}") as namespace:
        if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {host}")
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", b"slow", IFF_TAP | IFF_NO_PI))
    return device


def main(host_a, host_b, delay_ms, loss_percent):
    delay, loss = float(delay_ms) / 1000, float(loss_percent) / 100
    ends = [open_device(host_a), open_device(host_b)]
    chance = random.Random(1)
    under_way = []  # (when it arrives, number, device, frame)
    number = 0
    print("connected", flush=True)
    while True:
        wait = max(0, under_way[0][0] - time.monotonic()) if under_way else None
        for device in select.select(ends, [], [], wait)[0]:
            frame = os.read(device, FRAME_BYTES)
            if chance.random() < loss:
                continue
            number += 1
            other = ends[1 - ends.index(device)]
            heapq.heappush(under_way, (time.monotonic() + delay, number, other, frame))
        while under_way and under_way[0][0] <= time.monotonic():
            _, _, device, frame = heapq.heappop(under_way)
            try:
                os.write(device, frame)
            except OSError:
                pass  # The device is not up, or its queue is full: the frame is lost.


main(*sys.argv[1:])
