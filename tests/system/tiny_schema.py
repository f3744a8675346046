"""tiny_schema.py - the part of JSON Schema (draft 2020-12) that our schemas use. A keyword that it does
not know is an error, so that nothing is passed over."""
import re

KINDS = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int,
         "number": (int, float)}
NOTES = {"$schema", "$defs", "title", "description", "default", "examples"}


def is_kind(value, kind):
    return isinstance(value, KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))


class Schema:
    def __init__(self, root):
        self.root = root

    def at(self, pointer):
        node = self.root
        for part in pointer.removeprefix("#").strip("/").split("/"):
            node = node[part] if part else node
        return node

    def errors(self, value, schema=None, path="$"):
        """All that is wrong, as texts; empty: it is valid."""
        found = []
        for word, rule in (self.root if schema is None else schema).items():
            if word in NOTES or word in ("then", "else"):
                continue
            check = getattr(self, "check_" + word.strip("$"), None)
            if check is None:
                raise NotImplementedError(f"keyword {word} at {path}")
            found += check(rule, value, path, self.root if schema is None else schema)
        return found

    def fits(self, value, schema):
        return not self.errors(value, schema)

    def check_ref(self, rule, value, path, _):
        return self.errors(value, self.at(rule), path)

    def check_type(self, rule, value, path, _):
        kinds = rule if isinstance(rule, list) else [rule]
        return [] if any(is_kind(value, k) for k in kinds) else [f"{path}: {value!r} is no {rule}"]

    def check_const(self, rule, value, path, _):
        return [] if value == rule and type(value) is type(rule) else [f"{path}: not {rule!r}"]

    def check_enum(self, rule, value, path, _):
        return [] if value in rule else [f"{path}: {value!r} is none of {rule}"]

    def check_pattern(self, rule, value, path, _):
        bad = isinstance(value, str) and not re.search(rule, value)
        return [f"{path}: {value!r} does not match {rule}"] if bad else []

    def check_minLength(self, rule, value, path, _):
        return [f"{path}: too short"] if isinstance(value, str) and len(value) < rule else []

    def check_maxLength(self, rule, value, path, _):
        return [f"{path}: too long"] if isinstance(value, str) and len(value) > rule else []

    def check_minimum(self, rule, value, path, _):
        return [f"{path}: below {rule}"] if is_kind(value, "number") and value < rule else []

    def check_maximum(self, rule, value, path, _):
        return [f"{path}: above {rule}"] if is_kind(value, "number") and value > rule else []

    def check_items(self, rule, value, path, _):
        items = value if isinstance(value, list) else []
        return [e for i, v in enumerate(items) for e in self.errors(v, rule, f"{path}[{i}]")]

    def check_contains(self, rule, value, path, _):
        bad = isinstance(value, list) and not any(self.fits(v, rule) for v in value)
        return [f"{path}: lacks an item"] if bad else []

    def check_minItems(self, rule, value, path, _):
        return [f"{path}: too few"] if isinstance(value, list) and len(value) < rule else []

    def check_maxItems(self, rule, value, path, _):
        return [f"{path}: too many"] if isinstance(value, list) and len(value) > rule else []

    def check_uniqueItems(self, rule, value, path, _):
        bad = rule and isinstance(value, list) and any(value.count(v) > 1 for v in value)
        return [f"{path}: an item twice"] if bad else []

    def check_minProperties(self, rule, value, path, _):
        return [f"{path}: too few keys"] if isinstance(value, dict) and len(value) < rule else []

    def check_maxProperties(self, rule, value, path, _):
        return [f"{path}: too many keys"] if isinstance(value, dict) and len(value) > rule else []

    def check_required(self, rule, value, path, _):
        missing = [k for k in rule if k not in value] if isinstance(value, dict) else []
        return [f"{path}: needs {k}" for k in missing]

    def check_dependentRequired(self, rule, value, path, _):
        if not isinstance(value, dict):
            return []
        return [f"{path}: {key} needs {k}" for key, wanted in rule.items() if key in value
                for k in wanted if k not in value]

    def check_properties(self, rule, value, path, _):
        if not isinstance(value, dict):
            return []
        return [e for k, s in rule.items() if k in value
                for e in self.errors(value[k], s, f"{path}.{k}")]

    def check_propertyNames(self, rule, value, path, _):
        keys = value if isinstance(value, dict) else {}
        return [e for k in keys for e in self.errors(k, rule, f"{path}: key {k}")]

    def check_additionalProperties(self, rule, value, path, schema):
        keys = value if isinstance(value, dict) else {}
        others = [k for k in keys if k not in schema.get("properties", {})]
        if rule is False:
            return [f"{path}: no key {k}" for k in others]
        return [e for k in others for e in self.errors(value[k], rule, f"{path}.{k}")]

    def check_allOf(self, rule, value, path, _):
        return [e for s in rule for e in self.errors(value, s, path)]

    def check_anyOf(self, rule, value, path, _):
        return [] if any(self.fits(value, s) for s in rule) else [f"{path}: fits none of several"]

    def check_oneOf(self, rule, value, path, _):
        fitting = sum(self.fits(value, s) for s in rule)
        return [] if fitting == 1 else [f"{path}: fits {fitting} of several, not one"]

    def check_if(self, rule, value, path, schema):
        return self.errors(value, schema.get("then" if self.fits(value, rule) else "else", {}), path)
