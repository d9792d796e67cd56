"""One `offload status` without S3 against pulsar-admin's `topics offload-status`, both asking the same simulation.

Wanted: at least 8 times faster. pulsar-admin comes from Maven (tests/stack); without it only ours is timed.
"""

import tempfile
from pathlib import Path

from offloadctl.demo.embedded import EmbeddedCluster
from offloadctl.demo.scene import ORDERS, set_up
from tests.benchmarks.pairs import PYTHON, time_pair
from tests.stack import parts

WANTED = 8


def main() -> None:
    script = str(Path(PYTHON).with_name("offloadctl"))
    with EmbeddedCluster() as embedded, tempfile.TemporaryDirectory() as scratch:
        set_up(embedded.cluster, advance=embedded.advance)
        url = embedded.admin_urls[0]
        ours = [script, "offload", "status", str(ORDERS), "--admin-url", url]
        try:
            peer = _pulsar_admin(Path(scratch), url)
        except parts.PartMissing as missing:
            print(f"pulsar-admin cannot be had here: {missing}")
            print(f"offload status against `python -c pass`: {time_pair(ours, [PYTHON, '-c', 'pass'])}")
            return
        pair = time_pair(ours, [*peer, "topics", "offload-status", str(ORDERS)], runs=7)
        print(f"offload status against pulsar-admin: {pair}; {1 / pair.ratio:.1f} times faster (wanted: {WANTED})")


def _pulsar_admin(directory: Path, url: str) -> list[str]:
    conf = directory / "client.conf"
    conf.write_text(f"webServiceUrl={url}/\n")
    tool = "org.apache.pulsar.admin.cli.PulsarAdminTool"
    return [parts.java(), "-cp", f"{parts.client_tools()}/*", tool, str(conf)]


if __name__ == "__main__":
    main()
