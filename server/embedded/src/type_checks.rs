//! Checks the JSON types of a request, in the order in which DynamoDB does.
//!
//! dynoxide reads some members as any JSON, and leaves their types to its server.

use crate::members::{Members, is_structure, refuse};
use dynoxide::Result;
use serde_json::Value;

/// Checks the body of a request.
///
/// # Errors
/// Returns a `SerializationException` for the first member that has another type.
pub(crate) fn check(operation: &str, body: &Value) -> Result<()> {
    let Some(body) = body.as_object().map(Members) else {
        return Ok(());
    };
    match operation {
        // Its types are strict, and word errors themselves.
        "SearchVectors" => return Ok(()),
        "CreateTable" => create_table(body)?,
        "UpdateTable" => update_table(body)?,
        "PutItem" | "DeleteItem" | "UpdateItem" => {
            body.map("AttributeUpdates", "AttributeValueUpdate")?;
            body.values_are("AttributeUpdates", "AttributeValueUpdate")?;
        }
        "Query" => {
            filters(body, &["KeyConditions", "QueryFilter"], &["QueryFilter", "KeyConditions"])?;
        }
        "Scan" => filters(body, &["ScanFilter"], &["ScanFilter"])?,
        "BatchGetItem" => batch_get_item(body)?,
        "BatchWriteItem" => batch_write_item(body)?,
        "TagResource" => {
            body.list("Tags")?;
            body.elements_are("Tags", "Tag")?;
        }
        _ => {}
    }
    common(body)
}

/// Members that have the same type in every operation.
fn common(body: Members) -> Result<()> {
    body.map("Key", ATTRIBUTE)?;
    body.map("Item", ATTRIBUTE)?;
    body.map_of_texts("ExpressionAttributeNames")?;
    body.map("ExpressionAttributeValues", ATTRIBUTE)?;
    body.map("Expected", "ExpectedAttributeValue")?;
    for name in ["Key", "Item", "ExpressionAttributeValues", "ExclusiveStartKey"] {
        body.values_are(name, ATTRIBUTE)?;
    }
    body.values_are("Expected", "ExpectedAttributeValue")?;
    for condition in body.values("Expected").filter_map(Value::as_object) {
        Members(condition).boolean("Exists")?;
    }
    for name in [
        "TableName",
        "IndexName",
        "ReturnConsumedCapacity",
        "ReturnValues",
        "ReturnItemCollectionMetrics",
        "ConditionalOperator",
        "Select",
        "ConditionExpression",
        "FilterExpression",
        "KeyConditionExpression",
        "ProjectionExpression",
        "UpdateExpression",
    ] {
        body.text(name)?;
    }
    for name in ["Limit", "Segment", "TotalSegments"] {
        body.integer(name)?;
    }
    body.boolean("ScanIndexForward")?;
    body.boolean("ConsistentRead")
}

const ATTRIBUTE: &str = "AttributeValue";

fn create_table(body: Members) -> Result<()> {
    let lists = [
        ("AttributeDefinitions", "AttributeDefinition"),
        ("KeySchema", KEY),
        ("LocalSecondaryIndexes", "LocalSecondaryIndex"),
        ("GlobalSecondaryIndexes", "GlobalSecondaryIndex"),
        ("VectorIndexes", "VectorIndex"),
    ];
    for (name, _) in lists {
        body.list(name)?;
    }
    for (name, class) in lists {
        body.elements_are(name, class)?;
    }
    throughput(body)?;
    throughput_units(body)?;
    attributes(body, "KeySchema")?;
    attributes(body, "AttributeDefinitions")?;
    for index in body.objects("LocalSecondaryIndexes") {
        index.structure("Projection", "Projection")?;
        key_schema(index)?;
        index.text("IndexName")?;
        attributes(index, "KeySchema")?;
        projection_type(index)?;
        projected(index)?;
    }
    for index in body.objects("GlobalSecondaryIndexes") {
        index.structure("Projection", "Projection")?;
        throughput(index)?;
        key_schema(index)?;
        index.text("IndexName")?;
        attributes(index, "KeySchema")?;
        projection_type(index)?;
        throughput_units(index)?;
        projected(index)?;
    }
    body.objects("VectorIndexes").try_for_each(vector_index)
}

const KEY: &str = "KeySchemaElement";

fn update_table(body: Members) -> Result<()> {
    let updates = "GlobalSecondaryIndexUpdates";
    body.list(updates)?;
    body.elements_are(updates, "GlobalSecondaryIndexUpdate")?;
    throughput(body)?;
    throughput_units(body)?;
    for update in body.objects(updates) {
        for action in ["Create", "Update", "Delete"] {
            update.structure(action, &format!("{action}GlobalSecondaryIndexAction"))?;
        }
        if let Some(create) = update.object("Create") {
            create.structure("Projection", "Projection")?;
            throughput(create)?;
            key_schema(create)?;
            attributes(create, "KeySchema")?;
            projection_type(create)?;
            throughput_units(create)?;
        }
        if let Some(update) = update.object("Update") {
            throughput(update)?;
            throughput_units(update)?;
        }
    }
    body.list("VectorIndexUpdates")?;
    body.elements_are("VectorIndexUpdates", "VectorIndexUpdate")?;
    for update in body.objects("VectorIndexUpdates") {
        update.structure("Create", "CreateVectorIndexAction")?;
        update.structure("Delete", "DeleteVectorIndexAction")?;
        update.object("Create").map_or(Ok(()), vector_index)?;
        update.object("Delete").map_or(Ok(()), |delete| delete.text("IndexName"))?;
    }
    Ok(())
}

fn vector_index(index: Members) -> Result<()> {
    index.structure("VectorAttribute", "VectorAttributeDefinition")?;
    index.structure("Projection", "Projection")?;
    index.list("SearchSchema")?;
    index.elements_are("SearchSchema", "SearchSchemaElement")?;
    index.text("IndexName")?;
    index.text("DistanceFunction")?;
    index.integer("Dimensions")?;
    projection_type(index)?;
    index.object("VectorAttribute").map_or(Ok(()), |attribute| attribute.text("AttributeName"))?;
    for element in index.objects("SearchSchema") {
        element.text("AttributeName")?;
        element.text("SearchSchemaElementType")?;
    }
    projected(index)
}

fn key_schema(index: Members) -> Result<()> {
    index.list("KeySchema")?;
    index.elements_are("KeySchema", KEY)
}

fn attributes(parent: Members, list: &str) -> Result<()> {
    for element in parent.objects(list) {
        for name in ["KeyType", "AttributeName", "AttributeType", "IndexName"] {
            element.text(name)?;
        }
    }
    Ok(())
}

fn throughput(parent: Members) -> Result<()> {
    parent.structure("ProvisionedThroughput", "ProvisionedThroughput")
}

fn throughput_units(parent: Members) -> Result<()> {
    let Some(throughput) = parent.object("ProvisionedThroughput") else {
        return Ok(());
    };
    throughput.long("WriteCapacityUnits")?;
    throughput.long("ReadCapacityUnits")
}

fn projection_type(index: Members) -> Result<()> {
    index.object("Projection").map_or(Ok(()), |projection| projection.text("ProjectionType"))
}

fn projected(index: Members) -> Result<()> {
    let Some(projection) = index.object("Projection") else {
        return Ok(());
    };
    projection.list("NonKeyAttributes")?;
    projection.elements_are_texts("NonKeyAttributes")
}

/// The filters of `Query` and `Scan`: their types, and then their conditions.
fn filters(body: Members, maps: &[&str], conditions: &[&str]) -> Result<()> {
    for name in maps {
        body.map(name, "Condition")?;
    }
    for name in conditions {
        body.values_are(name, "Condition")?;
    }
    for name in conditions {
        for condition in body.values(name).filter_map(Value::as_object).map(Members) {
            condition.text("ComparisonOperator")?;
            condition.list("AttributeValueList")?;
            condition.elements_are("AttributeValueList", ATTRIBUTE)?;
        }
    }
    body.map("ExclusiveStartKey", ATTRIBUTE)
}

fn batch_get_item(body: Members) -> Result<()> {
    body.map("RequestItems", "KeysAndAttributes")?;
    body.values_are("RequestItems", "KeysAndAttributes")?;
    for table in body.values("RequestItems").filter_map(Value::as_object).map(Members) {
        table.map_of_texts("ExpressionAttributeNames")?;
        for key in table.elements("Keys") {
            match key {
                Value::Null => {}
                // A list in the place of an attribute is no class that the message could name.
                Value::Object(key) if key.values().all(|v| v.is_null() || v.is_object()) => {}
                Value::Object(_) => return refuse(crate::decode::UNEXPECTED_VALUE),
                _ => return refuse(CAST),
            }
        }
    }
    Ok(())
}

fn batch_write_item(body: Members) -> Result<()> {
    body.map_of_lists("RequestItems", "WriteRequest")?;
    for table in body.values("RequestItems") {
        let requests = match table {
            Value::Null => continue,
            Value::Array(requests) => requests,
            _ => return refuse(CAST),
        };
        requests.iter().try_for_each(|request| is_structure(request, "WriteRequest"))?;
        for request in requests.iter().filter_map(Value::as_object).map(Members) {
            request.structure("DeleteRequest", "DeleteRequest")?;
            request.structure("PutRequest", "PutRequest")?;
            for (action, name) in [("DeleteRequest", "Key"), ("PutRequest", "Item")] {
                if let Some(action) = request.object(action) {
                    action.map(name, ATTRIBUTE)?;
                    action.values_are(name, ATTRIBUTE)?;
                }
            }
        }
    }
    Ok(())
}

/// What DynamoDB says when it finds something else where each table has its requests or keys.
const CAST: &str = "class sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl cannot be \
    cast to class java.lang.Class (sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl \
    and java.lang.Class are in module java.base of loader 'bootstrap')";
