//! The OpenAPI document: complete, resolvable, and every item documented.
use crate::fixture::House;
use serde_json::Value;
use std::collections::BTreeSet;
use tributary_gateway::api::{document, routes};

fn each<'a>(value: &'a Value, visit: &mut impl FnMut(&'a Value)) {
    visit(value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| each(item, visit)),
        Value::Object(members) => members.values().for_each(|member| each(member, visit)),
        _ => {}
    }
}

#[test]
fn every_route_is_in_it_with_its_scope_and_nothing_else_is() {
    let house = House::new();
    let served = house.nobody().get("openapi.json").ok();
    assert_eq!(served, serde_json::to_value(document()).unwrap());
    assert!(served["openapi"].as_str().unwrap().starts_with("3.1"), "{}", served["openapi"]);
    let mut described = BTreeSet::new();
    for (path, item) in served["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            described.insert((path.clone(), method.to_uppercase()));
        }
    }
    let routes_there: BTreeSet<_> = routes().iter().map(|r| (r.path.to_owned(), r.method.to_string())).collect();
    assert_eq!(described, routes_there);
    for route in routes() {
        let operation = &served["paths"][route.path][route.method.as_str().to_lowercase()];
        let scopes = route.scope.map(|scope| scope.as_str());
        assert_eq!(operation["security"][0]["token"][0].as_str(), scopes, "{}", route.path);
        let has_key = operation["parameters"].as_array().into_iter().flatten().any(|p| p["name"] == "idempotency-key");
        assert_eq!(has_key, route.method == "POST", "{}", route.path);
        let named: Vec<_> =
            route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        for name in named {
            let parameters = operation["parameters"].as_array().unwrap();
            assert!(parameters.iter().any(|p| p["in"] == "path" && p["name"] == name), "{} {name}", route.path);
        }
    }
}

#[test]
fn every_reference_resolves_and_every_id_is_unique() {
    let document = serde_json::to_value(document()).unwrap();
    let mut references = 0;
    each(&document, &mut |value| {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            references += 1;
            let target = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
            assert!(target.is_some(), "{reference} leads nowhere");
        }
    });
    assert!(references > 50, "{references}");
    let mut ids = BTreeSet::new();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id), "{id} is there twice");
        }
    }
}

#[test]
fn everything_in_it_is_documented() {
    let document = serde_json::to_value(document()).unwrap();
    let text = |value: &Value| value.as_str().is_some_and(|text| !text.trim().is_empty());
    let mut silent = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if !text(&operation["summary"]) {
                silent.push(format!("{method} {path}"));
            }
            for (status, response) in operation["responses"].as_object().unwrap() {
                if !text(&response["description"]) {
                    silent.push(format!("{method} {path} {status}"));
                }
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                if !text(&parameter["description"]) {
                    silent.push(format!("{method} {path} {}", parameter["name"]));
                }
            }
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        if !text(&schema["description"]) && !name.starts_with("List_") {
            silent.push(name.clone());
        }
        each(schema, &mut |part| {
            for (property, shape) in part.get("properties").and_then(Value::as_object).into_iter().flatten() {
                // What may be missing is `oneOf` the shape, which then has the words, and null.
                let either = shape["oneOf"].as_array().into_iter().flatten().any(|one| text(&one["description"]));
                if !text(&shape["description"]) && !either {
                    silent.push(format!("{name}.{property}"));
                }
            }
        });
    }
    assert!(silent.is_empty(), "without a word: {silent:#?}");
}
