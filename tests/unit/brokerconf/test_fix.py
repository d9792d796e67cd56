"""`--fix` in files that bring variables: the mistake goes, and every other byte stays."""

import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.brokerconf.entries import Layout
from offloadctl.brokerconf.fix import fixed, with_possible_edits
from offloadctl.brokerconf.formats import Format, written
from offloadctl.brokerconf.lint import lint
from offloadctl.brokerconf.masking import masked_changes
from offloadctl.brokerconf.reading import layout_of, read
from offloadctl.redaction import MASK
from tests.unit.brokerconf.test_lint import SETTINGS_OF_ANY_SORT
from tests.unit.brokerconf.test_reading import COMPOSE, CONFIGMAP, HELM, STATEFULSET, P

LAG, DRIVER, BUCKET = "managedLedgerOffloadDeletionLagMs", "managedLedgerOffloadDriver", "s3ManagedLedgerOffloadBucket"
BYTES = "managedLedgerOffloadThresholdInBytes"
AGE, BLOCK = "managedLedgerOffloadThresholdInSeconds", "s3ManagedLedgerOffloadMaxBlockSizeInBytes"

IN_CONFIGMAP = f"""\
kind: ConfigMap
data:
  # ours
  broker.conf: |   # all of it
    # caf\u00e9

    {DRIVER}=s4
    {LAG} = 4h
    superUserRoles=\u00e4dmin \\
        ,other
  other: |
    {LAG} = 4h
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"{P}{LAG}=4h\n", f"{P}{LAG}=14400000\n"),
        (f"  export {P}{LAG}=\t'4h' \r\nX=1", f"  export {P}{LAG}=\t'14400000' \r\nX=1"),
        (f'{P}{BUCKET}="cold"\n', f"{P}{BUCKET}=cold\n"),
        (f"A=b\n{P}{AGE}=\nC=d", f"A=b\n#{P}{AGE}=\nC=d"),
        (f"\ufeff# caf\u00e9\n{P}{LAG}=4h\n", f"\ufeff# caf\u00e9\n{P}{LAG}=14400000\n"),
        # A key that the images' file does not have is passed over without the prefix.
        (f"{P}{DRIVER}=S3\n{BYTES}=1\n", f"{P}{DRIVER}=S3\n{P}{BYTES}=1\n"),
        # The blank one that hides it stands in the images' file.
        (
            f"export {P}{DRIVER}=aws-s3\nexport {P}managedLedgerOffloadBucket=cold",
            f"export {P}{DRIVER}=aws-s3\nexport {P}managedLedgerOffloadBucket=cold\nexport {P}{BUCKET}=cold",
        ),
    ],
)
def test_a_line_of_an_env_file_is_put_right_where_it_stands(before: str, after: str) -> None:
    made = fixed(before.encode(), layout=Layout.ENV)

    assert (made.data.decode(), made.count) == (after, 1)


@pytest.mark.parametrize(
    ("sample", "before", "after"),
    [
        (CONFIGMAP, f"  {P}{LAG}: 4h   # hours\n", f'  {P}{LAG}: "14400000"   # hours\n'),
        (CONFIGMAP, f"  '{P}{LAG}': '4h'\n", f"  '{P}{LAG}': '14400000'\n"),
        (CONFIGMAP, f'  {P}{AGE}: ""\r\n  Z: "z"\r\n', f'  # {P}{AGE}: ""\r\n  Z: "z"\r\n'),
        (CONFIGMAP, f"  {P}{AGE}:\n", f"  # {P}{AGE}:\n"),
        (CONFIGMAP, f"  {BYTES}: '60'\n", f"  {P}{BYTES}: '60'\n"),
        (HELM, f"    {P}{BLOCK}: 64M\n", f'    {P}{BLOCK}: "67108864"\n'),
        (COMPOSE, f"      - {P}{BLOCK}=64M\n", f"      - {P}{BLOCK}=67108864\n"),
        (COMPOSE, f'      - "{P}{LAG}=4h"\n', f'      - "{P}{LAG}=14400000"\n'),
        (COMPOSE, f"      - {P}{AGE}=\n", f"      # - {P}{AGE}=\n"),
        (
            STATEFULSET,
            f"            - name: {P}{LAG}\n              value: 4h\n",
            f'            - name: {P}{LAG}\n              value: "14400000"\n',
        ),
    ],
)
def test_an_entry_of_yaml_is_put_right_where_it_stands(sample: str, before: str, after: str) -> None:
    made = fixed((sample + before).encode())

    assert (made.data.decode(), made.count) == (sample + after, 1)
    assert list(yaml.safe_load_all(made.data)), "it is YAML still"


def test_json_stays_json() -> None:
    text = f'{{"kind": "ConfigMap", "data": {{\n  "{P}{DRIVER}": "S3",\n  "{P}{LAG}": "4h",\n  "{P}{AGE}": ""\n}}}}\n'

    made = fixed(text.encode())

    assert made.data.decode() == text.replace("4h", "14400000")
    assert {one.rule.id for one in lint(read(made.data))} >= {"blank-stops-start"}


def test_a_value_that_is_missing_is_written_below_another_in_the_same_way() -> None:
    general = f"{P}managedLedgerOffloadBucket"
    mapping, items = f"data:\n  {P}{DRIVER}: aws-s3\n  {general}: c$1\n", COMPOSE.replace(f"{P}{BUCKET}", general)

    in_mapping, in_items = fixed(mapping.encode()).data.decode(), fixed(items.encode()).data.decode()

    assert in_mapping == mapping + f'  {P}{BUCKET}: "c$1"\n'
    assert in_items == items.replace("cold$$1\n", f'cold$$1\n      - "{P}{BUCKET}=cold$$1"\n')


def test_a_broker_conf_inside_of_a_configmap_is_edited_line_by_line() -> None:
    made = fixed(IN_CONFIGMAP.encode())

    assert made.data.decode() == IN_CONFIGMAP.replace("4h", "14400000", 1)
    assert made.count == 1


@pytest.mark.parametrize(
    "text",
    [
        f"lag: &lag 4h\ndata:\n  {P}{LAG}: *lag\n",
        f"data:\n  {P}{DRIVER}: S3\n  {P}{LAG}: |\n    4h\n",
        f"data: {{{P}{DRIVER}: S3, {P}{AGE}: ''}}\n",
        f"data:\n  {P}{AGE}:\n",
        f"data:\n  broker.conf: >\n    {DRIVER}=s4\n\n    {LAG}=4h\n",
        f'data:\n  broker.conf: "{DRIVER}=s4\\n{LAG}=4h\\n"\n',
    ],
)
def test_what_is_written_in_another_way_stays_and_is_not_said_to_be_fixable(text: str) -> None:
    found = lint(read(text.encode()))

    made = fixed(text.encode())

    assert any(one.is_fixable for one in found)
    assert (made.data, made.count) == (text.encode(), 0)
    assert not any(one.is_fixable for one in with_possible_edits(text.encode(), found))


WORDS = st.text("ab=:#'\"${}\\ \t\u00e9\u20ac", max_size=12)
OTHER_LINES = st.one_of(
    st.just(""),
    st.builds("#{}".format, WORDS),
    st.builds("OTHER_{}={}".format, st.integers(0, 9), WORDS),
)
ENDS = st.sampled_from(["\n", "\r\n"])


def settled(data: bytes, layout: Layout | None = None) -> bool:
    """Nothing is left that could be put right."""
    found = with_possible_edits(data, lint(read(data, layout=layout)), layout=layout)
    return not any(one.is_fixable for one in found)


@given(SETTINGS_OF_ANY_SORT, st.lists(OTHER_LINES, max_size=4), ENDS, st.sampled_from(["", "export "]))
def test_of_an_env_file_only_lines_of_our_keys_change(
    values: dict[str, str], others: list[str], end: str, export: str
) -> None:
    ours = [f"{export}{P}{key}={value}" for key, value in values.items()]
    text = end.join([*others[:2], *ours, *others[2:]]) + end

    after = fixed(text.encode(), layout=Layout.ENV).data

    assert settled(after, Layout.ENV)
    lines = after.decode().split(end)
    assert [one for one in lines if P not in one] == [one for one in text.split(end) if P not in one]
    # Nothing is lost: each line of ours is there, or its key is, with another value.
    for one in ours:
        name = one.removeprefix("export ").partition("=")[0]
        assert any(re.match(rf"#?(?:export )?{name}=", line) for line in lines)


@given(SETTINGS_OF_ANY_SORT, st.sampled_from([Format.CONFIGMAP, Format.HELM_VALUES, Format.COMPOSE]), ENDS, WORDS)
def test_of_yaml_only_lines_of_our_keys_change_and_it_says_the_same_besides(
    values: dict[str, str], wanted: Format, end: str, word: str
) -> None:
    head = f"# {word}{end}other: {{a: 1, 'b': [x,  y]}}   # {word}{end}"
    text = head + written(values | {DRIVER: "aws-s3"}, wanted).replace("\n", end) + f"\u00e9: |{end}  {P}x{end}"

    made = fixed(text.encode())

    after = made.data.decode()
    assert settled(made.data)
    assert [one for one in after.split(end) if P not in one] == [one for one in text.split(end) if P not in one]
    assert _without_ours(yaml.safe_load(after)) == _without_ours(yaml.safe_load(text))


def _without_ours(node: object) -> object:
    if isinstance(node, dict):
        return {key: _without_ours(value) for key, value in node.items() if not str(key).startswith(P)}
    return node


@given(SETTINGS_OF_ANY_SORT, st.lists(st.sampled_from(["", "# caf\u00e9", "x = \\", "   y:z"]), max_size=3))
def test_a_broker_conf_inside_is_fixed_as_it_would_be_alone(values: dict[str, str], others: list[str]) -> None:
    lines = [f"{DRIVER}=aws-s3", *(f"{key}={value}" for key, value in values.items()), *others, "end=1"]
    inside = "".join(f"    {one}\n" if one else "\n" for one in lines)
    head, tail = "kind: ConfigMap\ndata:\n  broker.conf: |-\n", "  other: x\n"

    made = fixed((head + inside + tail).encode())

    alone = fixed(("\n".join(lines) + "\n").encode(), layout=Layout.CONF)
    block = made.data.decode().removeprefix(head).removesuffix(tail)
    assert made.count == alone.count
    assert block.replace("\n    ", "\n").removeprefix("    ") == alone.data.decode()


@given(st.text("PULSAR_PREFIX_managedLedgerOffload:=-{}[]&*!|>#'\"\n 4hM", max_size=60))
def test_any_text_is_fixed_or_stays(text: str) -> None:
    data = f"data:\n  {P}{LAG}: 4h\n  {P}{DRIVER}: S3\n{text}".encode()
    if layout_of(data) is not Layout.YAML:
        return
    try:
        read(data)
    except Exception:  # noqa: BLE001 - what cannot be read is another test's
        return

    assert fixed(fixed(data).data).count == 0


def test_what_is_shown_of_a_change_has_no_secret_and_no_other_lines() -> None:
    before = f"password: swordfish\n{P}{LAG}: 4h\ntokenSecretKey: a\nendpoint: http://me:swordfish@host\n"
    after = before.replace("4h", "1").replace(": a", ": swordfish").replace("@host", "@other")

    shown = masked_changes(before, after, "file")

    assert {f"-{P}{LAG}: 4h", f"+{P}{LAG}: 1", f"+tokenSecretKey: {MASK}"} <= set(shown.splitlines())
    assert "swordfish" not in shown
    assert "password" not in shown
