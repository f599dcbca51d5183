"""Checksums of compiled files, made right again after a change: see Sources/Tensors/Checksum.swift."""
import struct

MASK = (1 << 64) - 1


def checksum(data):
    sums, sums_of_sums = [0] * 8, [0] * 8
    whole = len(data) // 64 * 64
    for block in range(0, whole, 64):
        for lane, word in enumerate(struct.unpack_from("<8Q", data, block)):
            sums[lane] = (sums[lane] + word) & MASK
            sums_of_sums[lane] = (sums_of_sums[lane] + sums[lane]) & MASK
    result = len(data)
    words = [word for pair in zip(sums, sums_of_sums) for word in pair] + list(data[whole:])
    for word in words:
        result = ((result ^ word) * 0x9E3779B97F4A7C15) & MASK
        result ^= result >> 29
    return result


def mutated(data, random):
    """The file with a changed description and right checksums."""
    version, offset, count, _, _ = struct.unpack_from("<5Q", data, 8)
    description = bytearray(data[offset : offset + count])
    for _ in range(random.choice([1, 1, 2, 8])):
        at = random.randrange(len(description))
        choice = random.randrange(4)
        if choice == 0:
            description[at] = random.randrange(256)
        elif choice == 1:
            word = random.choice([0, 1, 2**31, 2**32, 2**62, 2**63 - 1, 2**63, MASK, random.getrandbits(64)])
            description[at : at + 8] = struct.pack("<Q", word)
        elif choice == 2:
            del description[at : at + random.randint(1, 16)]
        else:
            part = description[at : at + random.randint(1, 64)]
            place = random.randrange(len(description))
            description[place:place] = part
        if not description:
            break
    body = bytes(data[:offset]) + bytes(description)
    head = data[:8] + struct.pack("<5Q", version, offset, len(description), checksum(description), len(body))
    return head + struct.pack("<Q", checksum(head)) + body[56:]
