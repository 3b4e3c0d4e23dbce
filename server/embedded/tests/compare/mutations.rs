//! Wrong inputs that are made from right ones: each member in turn has a value of another type, or
//! is missing.

use crate::operations::REQUESTS;
use crate::sides::Sides;
use serde_json::{Value, json};

/// What stands in the place of a member.
fn values() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(false),
        json!(1),
        json!(1.5),
        json!("text"),
        json!(""),
        json!([]),
        json!(["text", 1, false]),
        json!([[]]),
        json!({}),
        json!({"S": "x", "N": "1"}),
        json!({"a": [], "b": 1}),
    ]
}

/// The JSON pointers of all values below the body itself.
fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    let mut add = |name: String, inner: &Value| {
        let pointer = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        pointers(inner, &pointer, all);
        all.push(pointer);
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, v)| add(name.clone(), v)),
        Value::Array(elements) => {
            elements.iter().enumerate().for_each(|(index, v)| add(index.to_string(), v));
        }
        _ => {}
    }
}

/// The body without the member.
fn without(body: &Value, pointer: &str) -> Value {
    let mut body = body.clone();
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer has a slash");
    match body.pointer_mut(parent).expect("the parent is there") {
        Value::Object(members) => {
            members.remove(&name.replace("~1", "/").replace("~0", "~"));
        }
        Value::Array(elements) => {
            elements.remove(name.parse().expect("it is an index"));
        }
        _ => unreachable!("only objects and lists have members"),
    }
    body
}

#[tokio::test]
async fn requests_with_a_member_of_another_type_get_the_same_response() {
    let (mut refused, mut kinds) = (0, std::collections::BTreeSet::new());
    for (operation, body) in REQUESTS.iter().chain([&crate::wrong::SEARCH]) {
        let mut sides = Sides::start().await;
        sides.fill().await;
        let body: Value = serde_json::from_str(body).expect("it is JSON");
        let mut all = vec![];
        pointers(&body, "", &mut all);
        let mut wrong = values();
        for pointer in all {
            wrong.push(without(&body, &pointer));
            for value in values() {
                let mut changed = body.clone();
                *changed.pointer_mut(&pointer).expect("it is there") = value;
                wrong.push(changed);
            }
        }
        for body in wrong {
            let answer = sides.compare(operation, &body.to_string()).await;
            if answer.status != 200 {
                refused += 1;
                kinds.insert((*operation, answer.status));
            }
        }
        sides.stop().await;
    }
    assert!(refused > 2_000, "only {refused} of the inputs were wrong");
    assert!(kinds.len() >= 24, "{kinds:?}");
}
