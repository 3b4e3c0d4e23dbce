//! Hints for the messages of a `ValidationException`, by what they say.
//!
//! The texts are those of the service. Where it words an error in several ways, a part that all of
//! them have is looked for.

use super::context::HintContext;
use super::expression;
use super::request::{after, fill, in_format, placeholder};
use alloc::string::String;

/// Returns a hint for a message of the service.
pub(super) fn hint(message: &str, context: &HintContext) -> Option<String> {
    // The messages are compared in lower case, but the names in them keep theirs.
    let lower = message.to_ascii_lowercase();
    let says = |part: &&str| contains(&lower, part);
    specific(message, context).or_else(|| {
        let (_, hint) = BY_TEXT.iter().find(|(parts, _)| parts.iter().any(says))?;
        Some(in_format(hint, context.format))
    })
}

/// Returns whether a message contains a part. A number at the end of the part is a whole number of the
/// message: 25 is not in 255.
fn contains(message: &str, part: &str) -> bool {
    let is_digit = |c: char| c.is_ascii_digit();
    message.match_indices(part).any(|(at, _)| {
        !(part.ends_with(is_digit) && message[at + part.len()..].starts_with(is_digit))
    })
}

/// Hints that name what the message or the request names.
fn specific(message: &str, context: &HintContext) -> Option<String> {
    if let Some(word) = after(message, RESERVED)
        && let Some(placeholder) = placeholder(context.request, word)
    {
        return Some(fill(DEFINED, word).replace("{placeholder}", &placeholder));
    }
    for (part, hint) in BY_NAME {
        if let Some(name) = after(message, part) {
            return Some(fill(&in_format(hint, context.format), name));
        }
    }
    expression::hint(message, context)
}

const RESERVED: &str = "reserved keyword: ";
/// The hint for a reserved word that has a placeholder, which the expression does not use.
const DEFINED: &str = "{} is a reserved word of DynamoDB. Write {placeholder} instead, which \
     ExpressionAttributeNames defines as {}.";

/// The part of a message before a name, with the hint for that name.
const BY_NAME: &[(&str, &str)] = &[
    (
        RESERVED,
        "{} is a reserved word of DynamoDB. Write #{} instead, and add \
         \"ExpressionAttributeNames\": {\"#{}\": \"{}\"}.",
    ),
    (
        "is not defined; attribute name: ",
        "Add \"ExpressionAttributeNames\": {\"{}\": \"the attribute's name\"}.",
    ),
    (
        "is not defined; attribute value: ",
        "Add \"ExpressionAttributeValues\": {\"{}\": {\"S\": \"text\"}}, or {\"N\": \"1\"} for a \
         number.",
    ),
    (
        "does not have the specified index: ",
        "The table has no index called {}. Check IndexName and its case. `DescribeTable` lists the \
         indexes of the table; leave IndexName out to read the table itself.",
    ),
];

/// Parts of messages, in lower case, with the hint for a message that contains one of them. The
/// first match counts.
const BY_TEXT: &[(&[&str], &str)] = &[
    (
        &["reserved keyword", "reserved word"],
        "The expression uses a reserved word of DynamoDB. Write #n instead of the word, and add \
         \"ExpressionAttributeNames\": {\"#n\": \"the word\"}.",
    ),
    (
        &["specified index"],
        "Check IndexName and its case. `DescribeTable` lists the indexes of the table.",
    ),
    (
        &["document paths overlap"],
        "An expression may name each attribute only once, and not both a map and something in it. \
         Remove one of the two paths; to change several fields of a map, name only the fields.",
    ),
    (
        &["document path provided in the update expression is invalid"],
        "The map or list in the path does not exist in the item, or is of another type. Create it \
         first, for example with SET a = :m and \":m\": {\"M\": {}}, and then set a.b.",
    ),
    (
        &["operand in the update expression has an incorrect data type"],
        "The attribute has another type than the update needs: + and - take numbers, ADD takes \
         numbers and sets, DELETE takes sets, and list_append takes lists.",
    ),
    (
        &["this attribute is part of the key"],
        "The key of an item cannot change. Put a new item with the new key, and delete the old one.",
    ),
    (
        &["can only contain non-primary key attributes"],
        "Move the condition on the key from FilterExpression to KeyConditionExpression.",
    ),
    (
        &["key condition not supported", "condition missed key schema element"],
        "KeyConditionExpression must compare the partition key with =, and may restrict the sort \
         key. Put other attributes into FilterExpression.",
    ),
    (
        &[
            "conditions on nested attributes",
            "one condition per key",
            "invalid operator used in keycondition",
        ],
        "KeyConditionExpression takes one condition for each key attribute, joined by AND: = for \
         the partition key, and =, <, <=, >, >=, BETWEEN or begins_with for the sort key. Put \
         everything else into FilterExpression.",
    ),
    (
        &["keyconditionexpression parameter must be specified"],
        "Query needs a KeyConditionExpression, for example \"id = :id\". Scan reads all items.",
    ),
    (
        &["where clause does not contain a mandatory equality"],
        "UPDATE and DELETE change one item: the WHERE clause must compare all key attributes of \
         the table with =.",
    ),
    (
        &["number of parameters in request and statement"],
        "Parameters needs one value for each ? of the statement, in the same order.",
    ),
    (
        &[
            "number of attributes in keyschema",
            "unused attribute",
            "attributedefinitions",
            "attribute definitions",
        ],
        "AttributeDefinitions must list exactly the attributes used as table or index keys. Other \
         attributes need no definition.",
    ),
    (
        &["type mismatch for key"],
        "The attribute is part of a key, and has another type there. {\"S\": \"1\"} is a string, \
         {\"N\": \"1\"} is a number. `DescribeTable` lists the types under AttributeDefinitions.",
    ),
    (
        &["missing the key"],
        "Item must contain all key attributes of the table. `DescribeTable` lists them under \
         KeySchema.",
    ),
    (
        &[
            "key element does not match the schema",
            "conditions on the keys is invalid",
            "key element",
            "data type should match its data type in table's schema",
        ],
        "Key must have exactly the key attributes of the table, with their types. `DescribeTable` \
         lists them under KeySchema and AttributeDefinitions.",
    ),
    (
        &["invalid function name"],
        "Functions of update expressions are if_not_exists and list_append. Those of conditions \
         are attribute_exists, attribute_not_exists, attribute_type, begins_with, contains and \
         size. Their names are in lower case.",
    ),
    (
        &["type mismatch", "operand type", "incorrect operand"],
        "The type of the value differs from the type that is needed. {\"S\": \"1\"} is a string, \
         {\"N\": \"1\"} is a number, and ADD takes only numbers and sets.",
    ),
    (
        &["attribute value used in expression is not defined"],
        "Add the value to ExpressionAttributeValues, for example {\":v\": {\"S\": \"text\"}}.",
    ),
    (
        &[
            "attribute name used in the document path is not defined",
            "expression attribute name used",
        ],
        "Add the name to ExpressionAttributeNames, for example {\"#n\": \"name\"}.",
    ),
    (
        &["unused in expressions"],
        "Each entry of ExpressionAttributeNames and ExpressionAttributeValues must be used in an \
         expression, in the same case. Remove the ones that the message lists, or use them.",
    ),
    (
        &["can only be specified when using expressions"],
        "Names and values are for expressions, and the request has none that uses them. Write the \
         expression, or remove the names and values.",
    ),
    (
        &["contains invalid key"],
        "The names in ExpressionAttributeNames start with #, and those in \
         ExpressionAttributeValues with a colon, for example \":v\".",
    ),
    (
        &["expression and non-expression parameters"],
        "Use either expressions or the older parameters (AttributeUpdates, Expected, KeyConditions, \
         QueryFilter, ScanFilter, AttributesToGet), and remove the other kind.",
    ),
    (
        &[
            "expression can not be empty",
            "expressionattributevalues must not be empty",
            "expressionattributenames must not be empty",
        ],
        "Leave the field out instead of leaving it empty.",
    ),
    (
        &["section can only be used once"],
        "Write each of SET, REMOVE, ADD and DELETE once, with commas between its actions: SET a = \
         :a, b = :b REMOVE c.",
    ),
    (
        &["upper bound to be greater than or equal to lower bound"],
        "BETWEEN takes the smaller value first: a BETWEEN :low AND :high.",
    ),
    (
        &[
            "syntax error",
            "invalid updateexpression",
            "invalid filterexpression",
            "invalid keyconditionexpression",
            "invalid conditionexpression",
            "invalid projectionexpression",
        ],
        "In expressions, write values as :v and define them in ExpressionAttributeValues. Write \
         names that are reserved or have special characters as #n and define them in \
         ExpressionAttributeNames.",
    ),
    (
        &[
            "set  may not be empty",
            "sets should not be empty",
            "set may not be empty",
            "sets may not be empty",
        ],
        "A set has at least one element. Leave the attribute out, or store an empty list: {\"L\": \
         []}.",
    ),
    (
        &[
            "cannot be converted to a numeric value",
            "number overflow",
            "number underflow",
            "significant digits",
        ],
        "A number has up to 38 digits, and is written as {\"N\": \"1.5\"}. Store other text, and \
         longer numbers, as {\"S\": \"…\"}.",
    ),
    (
        &["item size"],
        "An item may have at most 400 KB, names and values together. Store large data elsewhere, \
         and a reference in the item.",
    ),
    (
        &["empty string", "empty binary", "empty value", "emptystring"],
        "Key attributes must not be empty. Other attributes may be.",
    ),
    (
        &["multiple operations on one item"],
        "A transaction may have only one operation for each item. Combine them: a condition can be \
         part of a Put, Update or Delete.",
    ),
    (
        &["duplicate"],
        "Each key may appear only once in a batch, and each element only once in a set.",
    ),
    (
        &["more than one datatypes", "must contain exactly one"],
        "An attribute value has exactly one type, for example {\"S\": \"text\"}.",
    ),
    (
        &["consistent reads are not supported", "consistent read is not supported"],
        "A global secondary index has no consistent reads. Leave ConsistentRead out, or read the \
         table or a local secondary index.",
    ),
    (
        &["select type all_attributes"],
        "The index does not have all attributes. Leave Select out to get those that it has.",
    ),
    (
        &[
            "neither readcapacityunits nor writecapacityunits",
            "provisionedthroughput should not be specified",
        ],
        "A table with BillingMode PAY_PER_REQUEST has no capacities. Remove ProvisionedThroughput, \
         from the indexes too.",
    ),
    (
        &["provisionedthroughput", "throughput cannot be specified", "readcapacityunits"],
        "Set BillingMode to PAY_PER_REQUEST, or set both capacities in ProvisionedThroughput.",
    ),
    (
        &["exclusive start key", "exclusivestartkey", "starting key"],
        "Pass LastEvaluatedKey of the last response unchanged, with the same table, index and \
         conditions.",
    ),
    (
        &["nexttoken"],
        "Pass NextToken of the last response unchanged, with the same statement and parameters.",
    ),
    (
        &["protected against deletion", "deletion protection"],
        "First turn off the protection: UpdateTable with \"DeletionProtectionEnabled\": false.",
    ),
    (
        &["too many items", "less than or equal to 25", "less than or equal to 100"],
        "BatchWriteItem accepts at most 25 entries. BatchGetItem, TransactWriteItems and \
         TransactGetItems accept at most 100.",
    ),
];
