"""A TOML text as statements: nothing is lost, and each statement knows where it stands."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.config.toml_text import Plain, joined, rendered, rendered_key, scan

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=12)
PLAINS: st.SearchStrategy[Plain] = st.one_of(
    TEXTS, st.booleans(), st.floats(min_value=0.001, max_value=1e9), st.lists(TEXTS, max_size=3)
)


@given(PLAINS)
def test_a_rendered_value_is_read_back_as_itself(value: Plain) -> None:
    assert tomllib.loads(f"key = {rendered(value)}") == {"key": value}


@given(TEXTS)
def test_a_rendered_key_is_read_back_as_itself(name: str) -> None:
    assert tomllib.loads(f"{rendered_key(name)} = 1") == {name: 1}
    assert tomllib.loads(f"[contexts.{rendered_key(name)}]") == {"contexts": {name: {}}}


def test_plain_names_stay_bare_and_whole_numbers_whole() -> None:
    assert rendered_key("prod-1_a") == "prod-1_a"
    assert rendered_key("prod.eu") == '"prod.eu"'
    assert rendered(50.0) == "50"
    assert rendered(0.5) == "0.5"


TRICKY = """\
# "not" = [a key]
current = 'a'   # = "b" # c

"quoted = name" = 1
'lit.eral'.sub = { inline = "}#", more = ["]"] }  # tail
many = [  # first
  "a,b",  # ] not the end

  "c",
]  # end
text = \"\"\"
[contexts.fake]
key = "value"
\"\"\"
raw = '''
# no comment
'''
[contexts."my.ctx"]   # header
    indented = true
[ contexts . b ]
[[contexts.b.buckets]]
name = "one"
[[contexts.b.buckets]]
name = "two"
[contexts.b.buckets.sub]
deep = 1
last = 2"""


def at(document: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        document = document[int(name)] if isinstance(document, list) else document[name]
    return document


@pytest.mark.parametrize("text", [TRICKY, TRICKY + "\n", TRICKY.replace("\n", "\r\n"), "", "\n", "# only\n"])
def test_statements_together_are_the_text(text: str) -> None:
    assert joined(scan(text)) == text


def test_each_statement_stands_where_tomllib_finds_its_value() -> None:
    document = tomllib.loads(TRICKY)

    found = {one.path: at(document, one.path) for one in scan(TRICKY) if one.is_assignment}

    assert found == {
        ("current",): "a",
        ("quoted = name",): 1,
        ("lit.eral", "sub"): {"inline": "}#", "more": ["]"]},
        ("many",): ["a,b", "c"],
        ("text",): '[contexts.fake]\nkey = "value"\n',
        ("raw",): "# no comment\n",
        ("contexts", "my.ctx", "indented"): True,
        ("contexts", "b", "buckets", "0", "name"): "one",
        ("contexts", "b", "buckets", "1", "name"): "two",
        ("contexts", "b", "buckets", "1", "sub", "deep"): 1,
        ("contexts", "b", "buckets", "1", "sub", "last"): 2,
    }


def test_headers_and_lines_are_counted() -> None:
    statements = scan(TRICKY)

    assert [(one.line, one.path) for one in statements if one.is_header] == [
        (18, ("contexts", "my.ctx")),
        (20, ("contexts", "b")),
        (21, ("contexts", "b", "buckets", "0")),
        (23, ("contexts", "b", "buckets", "1")),
        (25, ("contexts", "b", "buckets", "1", "sub")),
    ]
    assert [one.line for one in statements if one.is_comment] == [1]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a = 1\n", 'a = "x"\n'),
        ("a=1", 'a="x"'),
        ("\ta  =\t1  # why\n", '\ta  =\t"x"  # why\n'),
        ('a = "#"#tight\r\n', 'a = "x"#tight\r\n'),
        ('"a=b" = ["#", # 1\n 2] # end\n', '"a=b" = "x" # end\n'),
        ("a.b = '''\n#'''\n", 'a.b = "x"\n'),
    ],
)
def test_a_value_is_exchanged_and_everything_around_it_stays(before: str, after: str) -> None:
    (statement,) = scan(before)

    assert statement.with_value('"x"').text == after


DOCUMENTS = st.lists(
    st.one_of(
        st.just("\n"),
        TEXTS.map(lambda text: "# " + "".join(c for c in text if c.isprintable()) + "\n"),
        st.tuples(st.integers(0, 999), PLAINS).map(lambda pair: f"key{pair[0]} = {rendered(pair[1])}  # tail\n"),
        st.integers(0, 999).map(lambda number: f"[table{number}]\n"),
        st.just("[[array]]\n"),
    ),
    max_size=12,
).map("".join)


@given(DOCUMENTS)
def test_any_document_is_the_sum_of_its_statements_and_each_value_is_found(text: str) -> None:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return

    statements = scan(text)

    assert joined(statements) == text
    for one in statements:
        if one.is_assignment:
            assert at(document, one.path) == next(iter(tomllib.loads(one.text).values()))
