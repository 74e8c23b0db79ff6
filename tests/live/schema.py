"""Two JSON schemas, compared by somebody who reads or writes after the one what the other describes."""

KINDS = {"null", "boolean", "integer", "number", "string", "array", "object"}


class Schemas:
    """The schemas of an OpenAPI document."""

    def __init__(self, document):
        self.document = document

    def alternatives(self, schema):
        """The schema without references and choices: a list of plain ones."""
        if not schema or schema is True:
            return [{}]
        if "$ref" in schema:
            target = self.document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            return self.alternatives(target)
        for choice in ("anyOf", "oneOf"):
            if choice in schema:
                return [plain for option in schema[choice] for plain in self.alternatives(option)]
        kinds = schema.get("type")
        if isinstance(kinds, list):
            return [{**schema, "type": kind} for kind in kinds]
        return [schema]

    def kinds(self, schema):
        found = set()
        for plain in self.alternatives(schema):
            if "type" in plain:
                found.add(plain["type"])
            elif "enum" in plain or "const" in plain:
                found |= {kind_of(value) for value in plain.get("enum", [plain.get("const")])}
            else:
                found |= KINDS
        if "number" in found:
            found.add("integer")
        return found

    def of_kind(self, schema, kind):
        return next((plain for plain in self.alternatives(schema) if plain.get("type") == kind), {})


def kind_of(value):
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


def differences(path, their_schemas, theirs, our_schemas, ours, answers, depth=0):
    """Where `ours` is not enough for a client of `theirs`: of an answer, what it reads has to be there and of a type that it
    knows; of a request, what it sends has to be accepted, and nothing else may be needed."""
    if ours is None:
        yield path.strip(), "has no schema"
        return
    their_kinds, our_kinds = their_schemas.kinds(theirs), our_schemas.kinds(ours)
    wider, narrower = (our_kinds, their_kinds) if answers else (their_kinds, our_kinds)
    odd = wider - narrower
    # Every kind stands for a schema that says nothing; there is nothing to miss then.
    if odd and KINDS - wider:
        verb = "can be" if answers else "cannot be"
        yield path.strip(), f"{verb} {' or '.join(sorted(odd))}"
        if not their_kinds & our_kinds - {"null"}:
            return
    if depth > 8:
        return
    their_object, our_object = their_schemas.of_kind(theirs, "object"), our_schemas.of_kind(ours, "object")
    their_fields, our_fields = their_object.get("properties", {}), our_object.get("properties", {})
    for name, field in sorted(their_fields.items()):
        at = f"{path}{'' if path.endswith(' ') else '.'}{name}"
        if name in our_fields:
            yield from differences(at, their_schemas, field, our_schemas, our_fields[name], answers, depth + 1)
        elif "properties" in our_object or not our_object.get("additionalProperties"):
            yield at, "is missing" if answers else "is not accepted"
    if not answers:
        for name in sorted(set(our_object.get("required", [])) - set(their_object.get("required", []))):
            yield f"{path}{'' if path.endswith(' ') else '.'}{name}", "is needed"
    their_list, our_list = their_schemas.of_kind(theirs, "array"), our_schemas.of_kind(ours, "array")
    if their_list.get("items") and our_list.get("items") is not None:
        yield from differences(
            f"{path}[]", their_schemas, their_list["items"], our_schemas, our_list["items"], answers, depth + 1
        )
    their_more, our_more = their_object.get("additionalProperties"), our_object.get("additionalProperties")
    if isinstance(their_more, dict) and isinstance(our_more, dict):
        yield from differences(f"{path}{{}}", their_schemas, their_more, our_schemas, our_more, answers, depth + 1)
