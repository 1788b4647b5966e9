//! Acts through the Admin API: what is asked, once, and what its failures mean.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#[path = "support/shop.rs"]
mod shop;

use serde_json::{Value, json};
use shop::{answer, host, poll};
use tributary_sdk::Commerce;
use tributary_sdk::host::http::HttpError;
use tributary_sdk::testing::{self, FakeHost};
use tributary_sdk::trade::{Operation, Refund};
use tributary_sdk::types::{Money, SendError};
use tributary_sdk::web::Response;

fn money(minor: i64, currency: &str) -> Money {
    Money { currency: currency.into(), minor }
}

fn refund(minor: i64) -> Operation {
    Operation::Refund(Refund { order_id: "7".into(), amount: money(minor, "EUR"), reason: "Broken".into() })
}

/// A host that answers so, one after the other.
fn answering(answers: &[Value]) -> FakeHost {
    answers.iter().fold(host(), |host, told| host.http_answer(answer(told)))
}

fn perform(host: &FakeHost, operation: Operation) -> Result<String, SendError> {
    let shop = shop::shop(host, json!({}));
    testing::with(host, || shop.perform(operation, "T1042/1".into()))
}

/// What was asked last: the variables.
fn asked(host: &FakeHost) -> Value {
    let request = host.requests().pop().unwrap();
    assert_eq!(request.method, "POST");
    assert_eq!(request.url, "https://my-shop.myshopify.com/admin/api/2026-07/graphql.json");
    assert_eq!(request.header("x-shopify-access-token"), Some("shpat_1"));
    serde_json::from_slice::<Value>(&request.body).unwrap()["variables"].clone()
}

fn paid(refunds: Value) -> Value {
    let payment = |id: &str, kind: &str, amount: &str| {
        json!({ "id": id, "kind": kind, "status": "SUCCESS", "gateway": "cards",
            "refundable": { "amount": amount, "currency_code": "EUR" } })
    };
    json!({ "data": { "order": { "id": "gid://shopify/Order/7", "refunds": refunds, "transactions": [
        payment("gid://t/0", "AUTHORIZATION", "0.0"), payment("gid://t/1", "CAPTURE", "20.0"), payment("gid://t/2", "SALE", "15.5"),
    ] } } })
}

#[test]
fn a_refund_is_shared_among_payments_and_done_once() {
    let done =
        json!({ "data": { "refundCreate": { "refund": { "id": "gid://shopify/Refund/1" }, "userErrors": [] } } });
    let host = answering(&[paid(json!([])), done]);
    assert_eq!(perform(&host, refund(3_000)).unwrap(), "gid://shopify/Refund/1");
    let variables = asked(&host);
    let key = variables["key"].as_str().unwrap().to_owned();
    assert_eq!(key.len(), 36);
    assert_eq!(variables["input"]["currency"], "EUR");
    let share = |id: &str, amount: &str| json!({ "orderId": "gid://shopify/Order/7", "parentId": id, "gateway": "cards", "kind": "REFUND", "amount": amount });
    assert_eq!(variables["input"]["transactions"], json!([share("gid://t/1", "20.00"), share("gid://t/2", "10.00")]));
    let note = variables["input"]["note"].as_str().unwrap().to_owned();
    assert!(note.starts_with("Broken ["));
    // The same again asks nobody.
    assert_eq!(perform(&host, refund(3_000)).unwrap(), "gid://shopify/Refund/1");
    assert_eq!(host.requests().len(), 2);
    // An answer that was lost is found by the mark.
    let host = answering(&[paid(json!([{ "id": "gid://shopify/Refund/1", "note": note }]))]);
    assert_eq!(perform(&host, refund(3_000)).unwrap(), "gid://shopify/Refund/1");
    assert_eq!(host.requests().len(), 1);
    // More than is left, and nothing.
    let host = answering(&[paid(json!([]))]);
    let Err(SendError::Permanent(words)) = perform(&host, refund(3_551)) else { panic!("too much") };
    assert!(words.contains("35.50 EUR"), "{words}");
    assert!(matches!(perform(&answering(&[]), refund(0)), Err(SendError::Permanent(_))));
}

#[test]
fn words_of_refusal_are_shopifys() {
    let refused = json!({ "data": { "refundCreate": { "refund": null,
        "userErrors": [{ "field": ["input", "transactions"], "message": "Refund amount is too high" }] } } });
    let host = answering(&[paid(json!([])), refused]);
    let Err(SendError::Permanent(words)) = perform(&host, refund(100)) else { panic!("refused") };
    assert_eq!(words, "Shopify: input.transactions: Refund amount is too high");
    assert!(host.state_value("act/whatever").is_none());
}

fn returnable(returns: Value) -> Value {
    let item = json!({ "quantity": 2, "fulfillmentLineItem": { "id": "gid://l/1", "lineItem": { "variant": { "id": "gid://v/1" } } } });
    json!({ "data": { "order": { "id": "gid://shopify/Order/7", "returns": { "nodes": returns } },
        "returnableFulfillments": { "nodes": [{ "returnableFulfillmentLineItems": { "nodes": [item] } }] } } })
}

#[test]
fn returns_and_exchanges() {
    let made = json!({ "data": { "returnCreate": { "return": { "id": "gid://r/1" }, "userErrors": [] } } });
    let approved = json!({ "data": { "returnApproveRequest": { "return": { "id": "gid://r/2" }, "userErrors": [] } } });
    let host = answering(&[returnable(json!([])), made.clone()]);
    assert_eq!(perform(&host, Operation::CreateReturn("7".into())).unwrap(), "gid://r/1");
    let lines = json!([{ "fulfillmentLineItemId": "gid://l/1", "quantity": 2, "returnReason": "OTHER" }]);
    assert_eq!(asked(&host)["input"], json!({ "orderId": "gid://shopify/Order/7", "returnLineItems": lines }));
    let host = answering(&[returnable(json!([])), made]);
    assert_eq!(perform(&host, Operation::Exchange("7".into())).unwrap(), "gid://r/1");
    assert_eq!(asked(&host)["input"]["exchangeLineItems"], json!([{ "variantId": "gid://v/1", "quantity": 2 }]));
    let requested = json!([{ "id": "gid://r/2", "status": "REQUESTED", "exchangeLineItems": { "nodes": [] } }]);
    let host = answering(&[returnable(requested.clone()), approved]);
    assert_eq!(perform(&host, Operation::CreateReturn("7".into())).unwrap(), "gid://r/2");
    assert_eq!(asked(&host)["input"]["id"], "gid://r/2");
    let host = answering(&[returnable(requested)]);
    assert!(matches!(perform(&host, Operation::Exchange("7".into())), Err(SendError::Permanent(_))));
    let open = json!([{ "id": "gid://r/3", "status": "OPEN", "exchangeLineItems": { "nodes": [{ "id": "x" }] } }]);
    for operation in [Operation::CreateReturn("7".into()), Operation::Exchange("7".into())] {
        let host = answering(&[returnable(open.clone())]);
        assert_eq!(perform(&host, operation).unwrap(), "gid://r/3");
    }
    let nothing = json!({ "data": { "order": { "id": "o", "returns": { "nodes": [] } }, "returnableFulfillments": { "nodes": [] } } });
    assert!(matches!(
        perform(&answering(&[nothing]), Operation::CreateReturn("7".into())),
        Err(SendError::Permanent(_))
    ));
}

#[test]
fn a_parcel_is_stopped_while_the_warehouse_has_it() {
    let parts = |parts: Value| json!({ "data": { "order": { "id": "o", "fulfillmentOrders": { "nodes": parts } } } });
    let part = |status: &str, action: &str, holds: Value| json!({ "id": "gid://f/1", "status": status, "supportedActions": [{ "action": action }], "fulfillmentHolds": holds });
    let stop = || Operation::InterceptParcel("7".into());
    let held =
        json!({ "data": { "fulfillmentOrderHold": { "fulfillmentHold": { "id": "gid://h/1" }, "userErrors": [] } } });
    let host = answering(&[parts(json!([part("OPEN", "HOLD", json!([]))])), held]);
    assert_eq!(perform(&host, stop()).unwrap(), "gid://h/1");
    assert_eq!(asked(&host)["hold"]["reason"], "OTHER");
    let host =
        answering(&[parts(json!([part("ON_HOLD", "RELEASE_HOLD", json!([{ "id": "gid://h/9", "handle": "x" }]))]))]);
    assert_eq!(perform(&host, stop()).unwrap(), "gid://h/9");
    let host = answering(&[
        parts(json!([part("IN_PROGRESS", "REQUEST_CANCELLATION", json!([]))])),
        json!({ "data": { "fulfillmentOrderSubmitCancellationRequest": { "fulfillmentOrder": { "id": "gid://f/1" }, "userErrors": [] } } }),
    ]);
    assert_eq!(perform(&host, stop()).unwrap(), "gid://f/1");
    let host = answering(&[parts(json!([part("CLOSED", "EXTERNAL", json!([]))]))]);
    let Err(SendError::Permanent(words)) = perform(&host, stop()) else { panic!("shipped") };
    assert!(words.contains("ask the carrier"), "{words}");
}

#[test]
fn address_coupon_and_warranty() {
    let updated =
        json!({ "data": { "orderUpdate": { "order": { "id": "gid://shopify/Order/7" }, "userErrors": [] } } });
    let host = answering(&[updated]);
    let address = "name: Ann Ito\naddress1: 1 Weg\ncity: Berlin\nzip: 10115\ncountry: de";
    perform(&host, Operation::ChangeAddress(("7".into(), address.into()))).unwrap();
    assert_eq!(asked(&host)["input"]["shippingAddress"]["countryCode"], "DE");
    let vague = Operation::ChangeAddress(("7".into(), "somewhere else".into()));
    assert!(matches!(perform(&answering(&[]), vague), Err(SendError::Permanent(_))));

    let buyer = json!({ "data": { "order": { "id": "o", "currencyCode": "EUR", "customer": { "id": "gid://c/5" } } } });
    let coupon = |errors: Value| json!({ "data": { "discountCodeBasicCreate": { "codeDiscountNode": null, "userErrors": errors } } });
    let give = |minor, currency| Operation::Coupon(("7".into(), money(minor, currency)));
    let host = answering(&[buyer.clone(), coupon(json!([]))]);
    let code = perform(&host, give(500, "EUR")).unwrap();
    assert!(code.starts_with("SORRY-") && code.len() == 14, "{code}");
    let input = asked(&host)["input"].clone();
    assert_eq!(input["customerGets"]["value"]["discountAmount"]["amount"], "5.00");
    assert_eq!((&input["usageLimit"], &input["context"]["customers"]["add"]), (&json!(1), &json!(["gid://c/5"])));
    assert_eq!(
        (input["startsAt"].as_str(), input["endsAt"].as_str()),
        (Some("2026-11-29T10:00:00Z"), Some("2027-02-27T10:00:00Z"))
    );
    let taken = json!([{ "code": "TAKEN", "field": ["code"], "message": "Code must be unique" }]);
    let again = answering(&[buyer.clone(), coupon(taken)]);
    assert_eq!(perform(&again, give(500, "EUR")).unwrap(), code, "the lost answer's coupon");
    assert!(matches!(perform(&answering(&[buyer]), give(500, "USD")), Err(SendError::Permanent(_))));

    let set = json!({ "data": { "metafieldsSet": { "metafields": [{ "id": "gid://m/1" }], "userErrors": [] } } });
    let host = answering(&[set]);
    assert_eq!(perform(&host, Operation::ExtendWarranty(("7".into(), 365))).unwrap(), "gid://m/1");
    assert_eq!(asked(&host)["metafields"][0]["value"], "365");
}

#[test]
fn failures_say_who_is_asked_to_act() {
    let status = |status: u16, body: &str| Ok(Response::body(status, "text/html", body));
    let errors = |code: &str| json!({ "errors": [{ "message": "no", "extensions": { "code": code } }] }).to_string();
    let throttled = json!({ "errors": [{ "message": "Throttled", "extensions": { "code": "THROTTLED" } }], "extensions": {
        "cost": { "requestedQueryCost": 902, "throttleStatus": { "maximumAvailable": 1000.0, "currentlyAvailable": 2, "restoreRate": 50.0 } } } });
    let mut slow = Response::status(429);
    slow.headers.push(tributary_sdk::types::Attribute::new("retry-after", "2.0"));
    let cases = [
        (status(200, &throttled.to_string()), "temporary 18"),
        (Ok(slow), "temporary 2"),
        (status(500, "oops"), "temporary"),
        (status(502, "<html>"), "temporary"),
        (status(200, "<html>maintenance</html>"), "temporary"),
        (status(200, "{}"), "temporary"),
        (status(200, r#"{"data":null}"#), "temporary"),
        (status(200, &errors("INTERNAL_SERVER_ERROR")), "temporary"),
        (Err(HttpError::Timeout), "temporary"),
        (Err(HttpError::Unreachable("refused".into())), "temporary"),
        (status(401, "{}"), "unauthorised"),
        (status(403, "{}"), "unauthorised"),
        (status(200, &errors("ACCESS_DENIED")), "unauthorised"),
        (status(200, &errors("undefinedField")), "permanent"),
        (status(200, r#"{"errors":"Not Found"}"#), "permanent"),
        (status(404, ""), "permanent"),
        (status(400, ""), "permanent"),
        (Err(HttpError::Denied("my-shop.myshopify.com".into())), "permanent"),
        (status(200, r#"{"data":{"order":null}}"#), "none"),
    ];
    for (told, wanted) in cases {
        let host = host().http_answer(told.clone());
        let shop = shop::shop(&host, json!({}));
        let found = match testing::with(&host, || shop.look_up("7".into())) {
            Ok(None) => "none".into(),
            Ok(Some(_)) => "an order".into(),
            Err(SendError::Temporary((_, None))) => "temporary".to_owned(),
            Err(SendError::Temporary((_, Some(seconds)))) => format!("temporary {seconds}"),
            Err(SendError::Unauthorised(_)) => "unauthorised".into(),
            Err(SendError::Permanent(_)) => "permanent".into(),
            Err(SendError::WindowClosed(_)) => "window-closed".into(),
        };
        assert_eq!(found, wanted, "{told:?}");
        assert_eq!(host.requests().len(), 1);
    }
    let unset = FakeHost::new().missing_secret("shopify-token");
    let shop = shop::shop(&unset, json!({}));
    assert!(matches!(testing::with(&unset, || shop.look_up("7".into())), Err(SendError::Unauthorised(_))));
    assert!(matches!(testing::with(&unset, || shop.look_up("#1001".into())), Err(SendError::Permanent(_))));
}

/// An API that is down loses nothing: the part is told once patience has ended, and the whole when it is back.
#[test]
fn an_api_that_is_down_loses_nothing() {
    let host = host();
    let shop = shop::shop(&host, json!({}));
    let body =
        json!({ "id": 1, "order_id": 7, "status": "delivered", "happened_at": "2026-11-29T09:00:00Z" }).to_string();
    let request = shop::signed(
        &host,
        "shopify-secret",
        "fulfillment_events/create",
        "1",
        "2026-11-29T10:00:00Z",
        body.as_bytes(),
    );
    let reading = shop::deliver(&host, &shop, request).unwrap();
    assert!(reading.events.is_empty() && reading.poll_now);
    let down = || Ok(Response::body(503, "text/html", "<html>"));
    let host = host.http_answer(down());
    assert!(matches!(poll(&host, &shop), Err(SendError::Temporary(_))));
    let host = host.now(shop::NOW + 600_000).http_answer(down());
    let batch = poll(&host, &shop).unwrap();
    let part = testing::told(&batch.events[0]);
    assert_eq!(
        testing::differs(&part, &json!({ "state": "delivered", "attributes": { "partial": "true" } })),
        None,
        "{part}"
    );
    let host = host.http_answer(down());
    assert!(poll(&host, &shop).is_err(), "the part is told once");
    let whole = json!({ "data": { "order": { "admin_graphql_api_id": "gid://shopify/Order/7", "created_at": "2026-11-28T09:00:00Z",
        "updated_at": "2026-11-28T09:00:00Z", "financial_status": "PAID", "currency": "EUR", "line_items": { "nodes": [] },
        "total_price_set": { "presentment_money": { "amount": "5.0", "currency_code": "EUR" } } } } });
    let host = host.http_answer(answer(&whole));
    let told = testing::told(&poll(&host, &shop).unwrap().events[0]);
    assert_eq!(
        testing::differs(
            &told,
            &json!({ "state": "delivered", "total": "EUR 500", "attributes": { "partial": null } })
        ),
        None,
        "{told}"
    );
    let quiet = poll(&host, &shop).unwrap();
    assert!(quiet.events.is_empty() && quiet.again_in == 60);
}
