#!/usr/bin/env python3
"""Generates the plugin's catalogue and its trusted manifest from the DynamoDB API model.

Usage: generate.py MODEL_FOLDER [--check]

MODEL_FOLDER is `botocore/data/dynamodb/2012-08-10` of the botocore release named below; `make catalogue`
fetches it. Only facts are taken from the model (names, shapes, bounds, places), none of its prose.
With --check nothing is written, and the exit code says whether the checked-in files are up to date.
"""

import gzip
import json
import re
import sys
from pathlib import Path

BOTOCORE = "1.44.5"
HERE = Path(__file__).resolve().parent
CATALOGUE = HERE.parent / "src" / "catalogue" / "generated.rs"
MANIFEST = HERE.parent / "component" / "manifest.toml"

# Shapes of errors whose further members hold attribute values.
ERRORS = ["ConditionalCheckFailedException", "TransactionCanceledException"]

# Actions that read items, or what the service says of them. Every `Describe…`, `List…` and `Get…` reads too.
READS = {"BatchGetItem", "Query", "Scan", "SearchVectors", "TransactGetItems"}
# Actions that change items. A PartiQL action is a write unless each of its statements begins with SELECT.
WRITES = {
    "BatchExecuteStatement", "BatchWriteItem", "DeleteItem", "ExecuteStatement", "ExecuteTransaction",
    "PutItem", "StartBulkPutItems", "TransactWriteItems", "UpdateItem",
}
STATEMENTS = {"Statement"}

# What IAM calls an action, where it is not the action's own name; for a statement, first those that a reader needs.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
ITEM_WRITES = ["DeleteItem", "PutItem", "UpdateItem"]
RESTORE = ["BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem"]
PARTIQL = ["PartiQLDelete", "PartiQLInsert", "PartiQLSelect", "PartiQLUpdate"]
IAM = {
    "BatchExecuteStatement": PARTIQL,
    "ExecuteStatement": PARTIQL,
    "ExecuteTransaction": PARTIQL,
    "RestoreTableFromBackup": ["RestoreTableFromBackup", *RESTORE],
    "RestoreTableToPointInTime": ["RestoreTableToPointInTime", *RESTORE],
    "TransactGetItems": ["GetItem"],
    "TransactWriteItems": ["ConditionCheckItem", *ITEM_WRITES],
}
# What IAM lets an action be granted on, where it is not a table; nothing means everything only.
RESOURCES = {
    "BatchExecuteStatement": ["table", "index"],
    "CreateGlobalTable": ["global-table", "table"],
    "DeleteBackup": ["backup"],
    "DescribeBackup": ["backup"],
    "DescribeContributorInsights": ["table", "index"],
    "DescribeEndpoints": [],
    "DescribeExport": ["export"],
    "DescribeGlobalTable": ["global-table"],
    "DescribeGlobalTableSettings": ["global-table"],
    "DescribeImport": ["import"],
    "DescribeLimits": [],
    "ExecuteStatement": ["table", "index"],
    "ExecuteTransaction": ["table", "index"],
    "ListBackups": [],
    "ListBulkOperations": [],
    "ListContributorInsights": [],
    "ListExports": [],
    "ListGlobalTables": [],
    "ListImports": [],
    "ListTables": [],
    "Query": ["table", "index"],
    "RestoreTableFromBackup": ["backup", "table"],
    "Scan": ["table", "index"],
    "SearchVectors": ["table", "index"],
    "UpdateContributorInsights": ["table", "index"],
    "UpdateGlobalTable": ["global-table", "table"],
    "UpdateGlobalTableSettings": ["global-table", "table"],
}

IAM_ARNS = {
    "table": "arn:{partition}:dynamodb:{region}:{account}:table/{table}",
    "index": "arn:{partition}:dynamodb:{region}:{account}:table/{table}/index/*",
    "backup": "arn:{partition}:dynamodb:{region}:{account}:table/{table}/backup/*",
    "export": "arn:{partition}:dynamodb:{region}:{account}:table/{table}/export/*",
    "import": "arn:{partition}:dynamodb:{region}:{account}:table/{table}/import/*",
    "global-table": "arn:{partition}:dynamodb::{account}:global-table/{table}",
}

# Paging that paginators-1.json does not know: action -> (input token, output token, list of results).
PAGES = {
    "ListContributorInsights": ("NextToken", "NextToken", "ContributorInsightsSummaries"),
    "ListExports": ("NextToken", "NextToken", "ExportSummaries"),
    "ListGlobalTables": ("ExclusiveStartGlobalTableName", "LastEvaluatedGlobalTableName", "GlobalTables"),
    "ListImports": ("NextToken", "NextToken", "ImportSummaryList"),
}

# Examples that say more than the required members would.
EXAMPLES = {
    "BatchExecuteStatement": {"Statements": [{"Statement": "SELECT * FROM \"users\" WHERE team_id = ? AND employee_id = ?", "Parameters": [{"S": "team_1"}, {"S": "emp_1"}]}]},
    "BatchGetItem": {"RequestItems": {"users": {"Keys": [{"team_id": {"S": "team_1"}, "employee_id": {"S": "emp_1"}}]}}},
    "BatchWriteItem": {"RequestItems": {"users": [{"PutRequest": {"Item": {"team_id": {"S": "team_1"}, "employee_id": {"S": "emp_1"}, "name": {"S": "Aman"}}}}]}},
    "CreateTable": {
        "TableName": "users",
        "AttributeDefinitions": [{"AttributeName": "team_id", "AttributeType": "S"}, {"AttributeName": "employee_id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "team_id", "KeyType": "HASH"}, {"AttributeName": "employee_id", "KeyType": "RANGE"}],
        "BillingMode": "PAY_PER_REQUEST",
    },
    "DeleteItem": {"TableName": "users", "Key": {"team_id": {"S": "team_1"}, "employee_id": {"S": "emp_1"}}},
    "ExecuteStatement": {"Statement": "SELECT * FROM \"users\" WHERE team_id = ?", "Parameters": [{"S": "team_1"}]},
    "ExecuteTransaction": {"TransactStatements": [{"Statement": "UPDATE \"users\" SET name = ? WHERE team_id = ? AND employee_id = ?", "Parameters": [{"S": "Amal"}, {"S": "team_1"}, {"S": "emp_1"}]}]},
    "GetItem": {"TableName": "users", "Key": {"team_id": {"S": "team_1"}, "employee_id": {"S": "emp_1"}}},
    "PutItem": {"TableName": "users", "Item": {"team_id": {"S": "team_1"}, "employee_id": {"S": "emp_1"}, "name": {"S": "Aman"}}},
    "Query": {"TableName": "users", "KeyConditionExpression": "team_id = :team", "ExpressionAttributeValues": {":team": {"S": "team_1"}}},
    "TransactGetItems": {"TransactItems": [{"Get": {"TableName": "users", "Key": {"team_id": {"S": "team_1"}, "employee_id": {"S": "emp_1"}}}}]},
    "TransactWriteItems": {"TransactItems": [
        {"Put": {"TableName": "users", "Item": {"team_id": {"S": "team_1"}, "employee_id": {"S": "emp_1"}}}},
        {"Delete": {"TableName": "users", "Key": {"team_id": {"S": "team_1"}, "employee_id": {"S": "emp_2"}}}},
    ]},
    "UpdateItem": {
        "TableName": "users", "Key": {"team_id": {"S": "team_1"}, "employee_id": {"S": "emp_1"}},
        "UpdateExpression": "SET #n = :n", "ExpressionAttributeNames": {"#n": "name"}, "ExpressionAttributeValues": {":n": {"S": "Amal"}},
    },
    "UpdateTable": {"TableName": "users", "DeletionProtectionEnabled": True},
}
# Values of required members in generated examples, by member name.
VALUES = {
    "AttributeName": "team_id", "BackupName": "users-backup", "TargetTableName": "users-restored", "S3Bucket": "my-bucket",
    "RegionName": "eu-west-1", "Policy": "{\"Version\": \"2012-10-17\", \"Statement\": []}", "Key": "department", "Value": "marketing",
    "ReplicationGroup": [{"RegionName": "eu-west-1"}], "ReplicaUpdates": [{"Create": {"RegionName": "eu-west-1"}}], "IndexName": "by-name",
    "StreamArn": "arn:aws:kinesis:us-east-1:123456789012:stream/users", "TagKeys": ["department"],
}
ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/users"
ARNS = {"BackupArn": "/backup/01489602797149-73d8d5bc", "ExportArn": "/export/01234567890123-a1b2c3d4", "ImportArn": "/import/01234567890123-a1b2c3d4"}


def main():
    folder = Path(sys.argv[1])
    model = json.loads(gzip.decompress((folder / "service-2.json.gz").read_bytes()))
    paginators = json.loads((folder / "paginators-1.json").read_text())["pagination"]
    outputs = {CATALOGUE: catalogue(model, paginators), MANIFEST: manifest(model)}
    if "--check" in sys.argv[2:]:
        stale = [path.name for path, text in outputs.items() if path.read_text() != text]
        if stale:
            sys.exit(f"not what the model gives: {', '.join(stale)}; run `make catalogue` and commit the result")
        return
    for path, text in outputs.items():
        path.write_text(text)


def access(name):
    if name in READS or re.match("(Describe|List|Get)", name):
        return "read"
    return "write" if name in WRITES else "admin"


# ---- the catalogue -------------------------------------------------------------------------------


def catalogue(model, paginators):
    shapes = model["shapes"]
    inputs, outputs = set(), set()
    for op in model["operations"].values():
        reach(shapes, op["input"]["shape"], inputs)
        if "output" in op:
            reach(shapes, op["output"]["shape"], outputs)
    for error in ERRORS:
        reach(shapes, error, outputs)
    # Of answers only the places of attribute values matter: all else passes as it is.
    outputs = {name for name in outputs if holds_attribute_values(shapes, name)}

    lines = [
        f"// Generated by guest/generator/generate.py from the API model in botocore {BOTOCORE}; do not edit.",
        "",
        "use super::{Access, Operation, Paging, Shape, optional, required};",
        "",
    ]
    names = sorted(inputs | outputs)
    for name in names:
        if name == "AttributeValue":
            continue
        lines.append(f"static {const(name)}: Shape = {shape(shapes, name, set(names))};")
    lines.append("")
    for error in ERRORS:
        lines.append(f"/// Members of `{error}` beside its message.")
        lines.append(f"pub static {const(error)}_DETAILS: &Shape = &{const(error)};")
    lines.append("")
    lines.append("/// Every operation of the model, in the order of their names.")
    lines.append(f"pub static OPERATIONS: [Operation; {len(model['operations'])}] = [")
    for name in sorted(model["operations"]):
        op = model["operations"][name]
        output = op.get("output", {}).get("shape")
        lines.append("    Operation {")
        lines.append(f"        name: {text(name)},")
        lines.append(f"        access: Access::{access(name).capitalize()},")
        lines.append(f"        input: &{const(op['input']['shape'])},")
        lines.append(f"        output: {'&' + const(output) if output in outputs else '&Shape::Any'},")
        token = [m for m, s in shapes[op["input"]["shape"]].get("members", {}).items() if s.get("idempotencyToken")]
        lines.append(f"        token: {'Some(' + text(token[0]) + ')' if token else 'None'},")
        lines.append(f"        paging: {paging(name, paginators)},")
        lines.append(f"        example: {text(json.dumps(example(shapes, name, op)))},")
        lines.append("    },")
    lines.append("];")
    return "\n".join(lines) + "\n"


def reach(shapes, name, seen):
    """Collects the shapes that `name` is made of. An attribute value is one piece."""
    if name in seen:
        return
    seen.add(name)
    if name == "AttributeValue":
        return
    shape = shapes[name]
    for child in children(shape):
        reach(shapes, child, seen)


def children(shape):
    if shape["type"] == "structure":
        return [m["shape"] for m in shape["members"].values()]
    if shape["type"] == "list":
        return [shape["member"]["shape"]]
    if shape["type"] == "map":
        return [shape["value"]["shape"]]
    return []


def holds_attribute_values(shapes, name):
    seen = set()
    reach(shapes, name, seen)
    return "AttributeValue" in seen


def const(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).upper()


def text(value):
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def ref(name, names):
    if name == "AttributeValue":
        return "&Shape::AttributeValue"
    return f"&{const(name)}" if name in names else "&Shape::Any"


def shape(shapes, name, names):
    s = shapes[name]
    kind = s["type"]
    low, high = s.get("min"), s.get("max")
    if kind == "structure":
        own = {m: v for m, v in s["members"].items() if not (name in ERRORS and m.lower() == "message")}
        members = ", ".join(
            f"{'required' if m in s.get('required', []) else 'optional'}({text(m)}, {ref(v['shape'], names)})"
            for m, v in sorted(own.items())
        )
        return f"Shape::Structure(&[{members}])"
    if kind == "list":
        return f"Shape::List {{ member: {ref(s['member']['shape'], names)}, min: {low or 0}, max: {high or 'u32::MAX'} }}"
    if kind == "map":
        return f"Shape::Map {{ value: {ref(s['value']['shape'], names)}, min: {low or 0}, max: {high or 'u32::MAX'} }}"
    if kind == "string":
        values = ", ".join(text(v) for v in s.get("enum", []))
        return f"Shape::String {{ min: {low or 0}, max: {high or 'u32::MAX'}, values: &[{values}] }}"
    if kind in ("integer", "long"):
        edge = "i32" if kind == "integer" else "i64"
        number = lambda v, end: f"{v:_}" if v is not None else f"{edge}::{end} as i64".replace("i64::MIN as i64", "i64::MIN").replace("i64::MAX as i64", "i64::MAX")
        return f"Shape::Integer {{ min: {number(low, 'MIN')}, max: {number(high, 'MAX')} }}"
    return {"boolean": "Shape::Boolean", "double": "Shape::Double", "timestamp": "Shape::Timestamp", "blob": "Shape::Blob"}[kind]


def paging(name, paginators):
    if name in PAGES:
        page = PAGES[name]
    elif name in paginators:
        p = paginators[name]
        results = p["result_key"]
        page = (p["input_token"], p["output_token"], results[0] if isinstance(results, list) else results)
    else:
        return "None"
    return f"Some(Paging {{ input: {text(page[0])}, output: {text(page[1])}, results: {text(page[2])} }})"


def example(shapes, name, op):
    if name in EXAMPLES:
        return EXAMPLES[name]
    return example_value(shapes, op["input"]["shape"], "")


def example_value(shapes, name, member):
    s = shapes[name]
    if member in VALUES:
        return VALUES[member]
    if name == "AttributeValue":
        return {"S": "value"}
    if s["type"] == "structure":
        return {m: example_value(shapes, s["members"][m]["shape"], m) for m in s.get("required", [])}
    if s["type"] == "list":
        return [example_value(shapes, s["member"]["shape"], "")]
    if s["type"] == "map":
        return {"name": example_value(shapes, s["value"]["shape"], "")}
    if s["type"] == "string":
        if "enum" in s:
            return s["enum"][0]
        if member.endswith("Arn"):
            return ARN + ARNS.get(member, "")
        return "users" if "Table" in name or "Table" in member else "value"
    if s["type"] in ("integer", "long"):
        return max(s.get("min", 5), 1)
    return {"boolean": True, "double": 70.0, "timestamp": 1691100258, "blob": "AA=="}[s["type"]]


# ---- the manifest --------------------------------------------------------------------------------


def manifest(model):
    lines = [
        f"# Generated by guest/generator/generate.py from the API model in botocore {BOTOCORE}; do not edit.",
        "# What the publisher of this plugin states and a host may trust: it is read by the gate, never by the plugin.",
        "",
        'name = "dynamodb"',
        "",
        "# Each request carries the operation it asks for in this header.",
        "[binding]",
        'method = "POST"',
        'path = "/"',
        'header = "x-amz-target"',
        'value = "DynamoDB_20120810.{operation}"',
        "",
        "# The credential scope: the service, and the setting that names the region.",
        "[signing]",
        'service = "dynamodb"',
        'region-setting = "region"',
        'region-aliases = { local = "us-east-1" }',
        "",
        "# What each export may send. `execute` and `relay` may send the action they were called with.",
        "[exports]",
        'test = ["ListTables", "DescribeEndpoints"]',
        'structure = ["ListTables", "DescribeTable"]',
        "",
        "# What IAM grants these actions on.",
        "[iam]",
        'prefix = "dynamodb"',
        "[iam.resources]",
        *(f'{kind} = "{arn}"' for kind, arn in IAM_ARNS.items()),
        "",
        "# Per action: the access class, and where its body names tables and PartiQL statements. `*` stands for",
        "# each element of a list or each value of a map, `{key}` for the names of a map's members. `iam` are the names that",
        "# IAM has for it, and `resources` what it grants them on, where they are not the action's own and tables.",
        "[actions]",
    ]
    shapes = model["shapes"]
    for name in sorted(model["operations"]):
        tables, statements = [], []
        places(shapes, model["operations"][name]["input"]["shape"], "", tables, statements)
        parts = [f'access = "{access(name)}"']
        if tables:
            parts.append("tables = [" + ", ".join(f'"{t}"' for t in tables) + "]")
        if statements:
            parts.append("statements = [" + ", ".join(f'"{t}"' for t in statements) + "]")
        if name in IAM:
            parts.append("iam = [" + ", ".join(f'"{t}"' for t in IAM[name]) + "]")
        if name in RESOURCES:
            parts.append("resources = [" + ", ".join(f'"{t}"' for t in RESOURCES[name]) + "]")
        lines.append(f"{name} = {{ {', '.join(parts)} }}")
    return "\n".join(lines) + "\n"


def places(shapes, name, path, tables, statements):
    s = shapes[name]
    if name == "AttributeValue":
        return
    if s["type"] == "structure":
        for member, v in s["members"].items():
            here = f"{path}/{member}"
            if v["shape"] == "PartiQLStatement" or member in STATEMENTS:
                statements.append(here)
            elif names_table(member, v["shape"]):
                tables.append(here)
            else:
                places(shapes, v["shape"], here, tables, statements)
    elif s["type"] == "list":
        places(shapes, s["member"]["shape"], f"{path}/*", tables, statements)
    elif s["type"] == "map":
        if s["key"]["shape"] in ("TableName", "TableArn"):
            tables.append(f"{path}/{{key}}")
        places(shapes, s["value"]["shape"], f"{path}/*", tables, statements)


def names_table(member, shape):
    """Whether a member names a table, by name or by an ARN below one. A cursor of a list names none."""
    if member.startswith("ExclusiveStart"):
        return False
    return shape in ("TableName", "TableArn") or member in ("ResourceArn", "BackupArn", "BulkOperationArn", "ExportArn", "ImportArn")


if __name__ == "__main__":
    main()
