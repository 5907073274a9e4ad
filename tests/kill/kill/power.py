"""What a power cut leaves of a folder whose changes power_cut.cpp has journalled.

A disk that loses power has, of everything written since the last fsync, any part: here each sector of 512 bytes by itself, the
size of the file, and each file made or removed are drawn, or all of it is lost, or none.
"""

import contextlib
import os
import struct

SECTOR = 512
HEAD = struct.Struct("=QQQ")  # offset, bytes that follow, size of the file before
NOTHING_SURVIVES, ANY_PART, EVERYTHING = "nothing unsynced survives", "any part survives", "everything survives"


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


def synced_content(now, journal):
    """The file as it was at its last fsync: what was overwritten is put back, the newest first."""
    records, at = [], 0
    while at + HEAD.size <= len(journal):
        offset, count, size = HEAD.unpack_from(journal, at)
        if at + HEAD.size + count > len(journal):
            break  # killed while it wrote this: the change itself was not made
        records.append((offset, journal[at + HEAD.size:at + HEAD.size + count], size))
        at += HEAD.size + count
    content = bytearray(now)
    for offset, old, size in reversed(records):
        content += bytes(max(0, size - len(content)))
        content[offset:offset + len(old)] = old
        del content[size:]
    return bytes(content)


def mixed(now, synced, chance):
    """Any part of the unsynced sectors is there."""
    size = chance.choice([len(now), len(synced)])
    content = bytearray()
    for at in range(0, size, SECTOR):
        source = now if chance.random() < 0.5 else synced
        content += source[at:at + SECTOR].ljust(SECTOR, b"\0")
    return bytes(content[:size])


def cut(folder, journals, chance, mode):
    """Does to the folder what the power cut does. Returns how many bytes of the files' content were taken back."""
    lost = 0
    for name in sorted(os.listdir(journals)) if os.path.isdir(journals) else []:
        path, journal = os.path.join(folder, name), read(os.path.join(journals, name))
        if name == "folder" or not journal or mode == EVERYTHING or not os.path.exists(path):
            continue
        now = read(path)
        synced = synced_content(now, journal)
        after = synced if mode == NOTHING_SURVIVES else mixed(now, synced, chance)
        lost += sum(one != other for one, other in zip(now.ljust(len(after), b"\0"), after.ljust(len(now), b"\0")))
        with open(path, "r+b") as file:
            file.write(after)
            file.truncate(len(after))
    _cut_folder(folder, read(os.path.join(journals, "folder")).decode(), chance, mode)
    for name in os.listdir(journals) if os.path.isdir(journals) else []:
        os.unlink(os.path.join(journals, name))
    for name in os.listdir(folder):
        if name.startswith(".kept-"):
            os.unlink(os.path.join(folder, name))
    return lost


def _cut_folder(folder, lines, chance, mode):
    for line in reversed(lines.splitlines()):
        if mode == EVERYTHING or (mode == ANY_PART and chance.random() < 0.5):
            continue
        what, name, *kept = line.split(" ")
        path = os.path.join(folder, name)
        with contextlib.suppress(FileNotFoundError):
            if what == "create":
                os.unlink(path)
            elif not os.path.exists(path):
                os.rename(os.path.join(folder, kept[0]), path)
