//! A shop of 抖店 with its host, and calls of the hook as the platform signs them.
#![allow(dead_code, reason = "each test uses its part")]
use channel_doudian::Doudian;
use channel_doudian::sign::{Method, message};
use serde_json::{Value, json};
use tributary_sdk::host::http::HttpError;
use tributary_sdk::testing::{self, FakeHost};
use tributary_sdk::types::{Attribute, ChannelEvent};
use tributary_sdk::web::{Request, Response};
use tributary_sdk::{Arrival, Channel, Reading, Rejection};

pub const KEY: &str = "7000000000000000001";
pub const NOW: u64 = 1_795_946_400_000;

pub fn host() -> FakeHost {
    let token = json!({ "access": "access-1", "refresh": "refresh-1", "until": NOW + 86_400_000 });
    FakeHost::new().now(NOW).secret("doudian-secret", "hush").state("token", token.to_string().as_bytes())
}

pub fn shop(host: &FakeHost, more: Value) -> Doudian {
    let mut config = json!({ "app-key": KEY, "shop-id": "12345678", "return-address-id": 77 });
    config.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    testing::with(host, || testing::prepare(config)).unwrap()
}

pub fn signed(host: &FakeHost, method: Method, body: &[u8]) -> Request {
    let sign = testing::with(host, || message(method, KEY, body)).unwrap();
    let headers = vec![Attribute::new("app-id", KEY), Attribute::new("event-sign", sign)];
    Request { method: "POST".into(), url: "/".into(), headers, body: body.to_vec() }
}

pub fn deliver(host: &FakeHost, shop: &Doudian, request: Request) -> Result<Reading, Rejection> {
    testing::with(host, || shop.receive(Arrival::Http(request)))
}

/// One message, its data as a text.
pub fn push(host: &FakeHost, shop: &Doudian, tag: &str, id: &str, data: &Value) -> Result<Reading, Rejection> {
    let body = json!([{ "tag": tag, "msg_id": id, "data": data.to_string() }]).to_string();
    deliver(host, shop, signed(host, Method::Md5, body.as_bytes()))
}

pub fn answer(data: &Value) -> Result<Response, HttpError> {
    let body = json!({ "code": 10000, "msg": "success", "data": data, "sub_code": "", "sub_msg": "" });
    Ok(Response::body(200, "application/json", body.to_string()))
}

pub fn refusal(code: i64, sub_code: &str, words: &str) -> Result<Response, HttpError> {
    let body = json!({ "code": code, "msg": "失败", "sub_code": sub_code, "sub_msg": words });
    Ok(Response::body(200, "application/json", body.to_string()))
}

pub fn told(events: &[ChannelEvent]) -> Vec<Value> {
    events.iter().map(testing::told).collect()
}

/// An order as the platform tells it.
pub fn detail() -> Value {
    json!({ "shop_order_detail": {
        "order_id": "4836875908288530057", "order_status": 2, "order_status_desc": "备货中", "create_time": 1_795_939_200_u64,
        "pay_time": 1_795_939_260_u64, "update_time": 1_795_939_260_u64, "pay_amount": 1990, "order_amount": 2190,
        "exp_ship_time": 1_796_000_000_u64, "buyer_words": "请尽快发货", "doudian_open_id": "1@#VrtJKX59ew==",
        "mask_post_receiver": "张*", "encrypt_post_receiver": "##abc", "encrypt_post_tel": "$$def", "mask_post_tel": "138****0000",
        "post_addr": { "province": { "name": "广东省", "id": "44" }, "city": { "name": "广州市", "id": "440100" },
            "town": { "name": "天河区", "id": "440106" }, "street": { "name": "", "id": "" }, "encrypt_detail": "#xyz" },
        "logistics_info": [],
        "sku_order_list": [{ "order_id": "4836875908288530057", "product_name": "保温杯", "item_num": 2, "origin_amount": 995,
            "code": "CUP-1", "sku_id": 1_700_000_000_000_000_001_u64 }],
    } })
}
