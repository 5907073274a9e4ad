"""python3 -m lab up|list|shell|down|cleanup: a lab by hand. Run with tests/lab as PYTHONPATH."""

import argparse
import os
import sys

from lab import binaries
from lab.lab import LABS, Lab, exit_on_signals, leftovers, remove, sweep


def main():
    parser = argparse.ArgumentParser(prog="python3 -m lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start a lab and leave it running; prints its name")
    up.add_argument("--without-daemon", action="store_true", help="networks, amphorae and Open vSwitch alone")
    up.add_argument("--tenants", type=int, default=1, choices=(1, 2))
    commands.add_parser("list", help="labs that exist")
    down = commands.add_parser("down", help="remove labs")
    down.add_argument("prefix", nargs="+")
    shell = commands.add_parser("shell", help="a shell in a machine, or the command that follows")
    shell.add_argument("prefix")
    shell.add_argument("machine", help="n1, n2, gw1, ctl, fab, t1a1 ...")
    shell.add_argument("argv", nargs=argparse.REMAINDER)
    commands.add_parser("cleanup", help="remove labs whose owner died")
    options = parser.parse_args()
    if options.command == "up":
        exit_on_signals()
        with Lab(None if options.without_daemon else binaries.find(), tenants=options.tenants) as lab:
            lab.start()
            lab.keep()
        print(lab.prefix)
    elif options.command == "list":
        dead = leftovers()
        for prefix in sorted(os.listdir(LABS)) if os.path.isdir(LABS) else []:
            kept = os.path.exists(os.path.join(LABS, prefix, "kept"))
            print(prefix, "left over" if prefix in dead else "kept" if kept else "in use")
    elif options.command == "down":
        for prefix in options.prefix:
            remove(os.path.basename(prefix))
    elif options.command == "cleanup":
        sweep()
    else:
        argv = options.argv or [os.environ.get("SHELL", "/bin/sh")]
        if options.machine in ("n1", "n2"):
            pid = Lab.adopt(options.prefix).nodes[int(options.machine[1])].init_pid
            enter = ["nsenter", "--target", str(pid), "--mount", "--pid", "--net", "--"]
        else:
            enter = ["nsenter", f"--net=/run/netns/{options.prefix}-{options.machine}", "--"]
        os.execvp("nsenter", enter + argv)


if __name__ == "__main__":
    sys.exit(main())
