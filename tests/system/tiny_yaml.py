"""tiny_yaml.py - the YAML of our example files as Python values: maps and lists, block and flow, plain and
quoted scalars, comments. Nothing else; what it does not know it refuses."""
import re

KEY = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s\[\]{},"'&*!|>%@`#-][^\s,\[\]{}]*?):(?=\s|$)""")
CLOSES = {"[": "]", "{": "}"}


def load(text):
    lines = list(logical_lines(text))
    value, rest = block(lines, 0, lines[0][0] if lines else 0)
    if rest != len(lines):
        raise ValueError(f"cannot read {lines[rest]}")
    return value


def strip_comment(line):
    quote = None
    for i, c in enumerate(line):
        if quote:
            quote = None if c == quote and line[i - 1] != "\\" else quote
        elif c in "\"'" and (i == 0 or line[i - 1] in " [{,"):
            quote = c
        elif c == "#" and (i == 0 or line[i - 1] in " \t"):
            return line[:i].rstrip()
    return line.rstrip()


def depth_of(text):
    bare = re.sub(r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|\$\{[^}]*\}""", "", text)
    return sum(bare.count(c) for c in "[{") - sum(bare.count(c) for c in "]}")


def logical_lines(text):
    """(indent, text) of each line that is not empty; a flow collection over several lines is one."""
    indent, held = 0, ""
    for line in text.split("\n"):
        line = strip_comment(line)
        if not line.strip() or line == "---":
            continue
        if not held:
            indent = len(line) - len(line.lstrip(" "))
        held = (held + " " + line.strip()).strip()
        if depth_of(held) == 0:
            yield indent, held
            held = ""
    if held:
        raise ValueError(f"never closed: {held}")


def block(lines, at, indent):
    if at < len(lines) and re.match(r"-(\s|$)", lines[at][1]):
        return block_list(lines, at, indent)
    if at < len(lines) and KEY.match(lines[at][1]):
        return block_map(lines, at, indent)
    return scalar_or_flow(lines[at][1]), at + 1


def block_list(lines, at, indent):
    items = []
    while at < len(lines) and lines[at][0] == indent and re.match(r"-(\s|$)", lines[at][1]):
        rest = lines[at][1][1:]
        inner = rest.lstrip()
        if not inner:
            value, at = block(lines, at + 1, lines[at + 1][0])
        else:
            inside = indent + 1 + len(rest) - len(inner)
            lines[at] = (inside, inner)
            value, at = block(lines, at, inside)
        items.append(value)
    return items, at


def block_map(lines, at, indent):
    found = {}
    while at < len(lines) and lines[at][0] == indent:
        match = KEY.match(lines[at][1])
        if not match:
            break
        key, rest = scalar_or_flow(match[1], typed=False), lines[at][1][match.end():].strip()
        if rest:
            value, at = scalar_or_flow(rest), at + 1
        elif at + 1 < len(lines) and (lines[at + 1][0] > indent or (
                lines[at + 1][0] == indent and lines[at + 1][1].startswith("- "))):
            value, at = block(lines, at + 1, lines[at + 1][0])
        else:
            value, at = None, at + 1
        found[key] = value
    return found, at


def scalar_or_flow(text, typed=True):
    value, rest = flow(text, ("",), typed)
    if rest.strip():
        raise ValueError(f"cannot read {text!r}")
    return value


def flow(text, ends, typed=True):
    """The value at the beginning of text, and what stands behind it."""
    text = text.lstrip()
    if text[:1] == "[":
        return flow_list(text[1:])
    if text[:1] == "{":
        return flow_map(text[1:])
    if text[:1] in "\"'" and text:
        quoted = re.match(r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')""", text)
        inner = quoted[1][1:-1]
        inner = inner.replace("''", "'") if text[0] == "'" else re.sub(r"\\(.)", r"\1", inner)
        return inner, text[quoted.end():]
    end = len(text) if ends == ("",) else min(
        [i for i, c in enumerate(text) if c in ends], default=len(text))
    plain = text[:end].strip()
    return (typed_scalar(plain) if typed else plain), text[end:]


def typed_scalar(plain):
    if plain in ("true", "false"):
        return plain == "true"
    if re.fullmatch(r"-?(0|[1-9][0-9]*)", plain):
        return int(plain)
    return None if plain in ("", "~", "null") else plain


def flow_list(text):
    items = []
    while True:
        text = text.lstrip()
        if text.startswith("]"):
            return items, text[1:]
        value, text = flow(text, (",", "]"))
        items.append(value)
        text = text.lstrip()
        text = text[1:] if text.startswith(",") else text


def flow_map(text):
    found = {}
    while True:
        text = text.lstrip()
        if text.startswith("}"):
            return found, text[1:]
        match = KEY.match(text)
        if not match:
            raise ValueError(f"no key in {text!r}")
        key = scalar_or_flow(match[1], typed=False)
        found[key], text = flow(text[match.end():], (",", "}"))
        text = text.lstrip()
        text = text[1:] if text.startswith(",") else text
