"""How long `offloadctl --help` takes, against an interpreter that does nothing. Wanted: at most 15 times as long."""

from pathlib import Path

from tests.benchmarks.pairs import PYTHON, time_pair

WANTED = 15


def main() -> None:
    script = str(Path(PYTHON).with_name("offloadctl"))
    for arguments in (["--help"], ["--version"], ["offload", "topic", "--help"]):
        pair = time_pair([script, *arguments], [PYTHON, "-c", "pass"])
        print(f"offloadctl {' '.join(arguments)}: {pair} (wanted: at most {WANTED})")


if __name__ == "__main__":
    main()
