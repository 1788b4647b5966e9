//! Arrivals that show credentials: none is in a recording's bytes, and the calls are made again as they were.
use super::{Studio, channel};
use crate::guest::{ADAPTER, Guest};
use crate::house::{House, World, built, context};
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use std::sync::Arc;
use tributary_model::message::{Arrival, Attribute, Reading, Rejection, Request, Sample};
use tributary_runtime::record::{Summary, Wanted, replay};
use tributary_runtime::{Adapter, Generation, Package, RuntimeConfig, Settings};

const LOGIN: &str = "postmark:correct-horse-battery";
const KEY: &str = "a-key-of-thirty-two-characters-!";

fn request(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Request {
    let header = |(name, value): &(&str, &str)| Attribute { name: (*name).into(), value: (*value).into() };
    Request {
        method: method.into(),
        url: url.into(),
        headers: headers.iter().map(header).collect(),
        body: body.as_bytes().into(),
    }
}

fn studio(secrets: &[(&'static str, &'static str)]) -> Studio {
    Studio::of(World { secrets: secrets.to_vec(), ..World::default() }, |_| {})
}

fn later(secrets: &[(&'static str, &'static str)]) -> House {
    let world = World { secrets: secrets.to_vec(), ..World::default() };
    House::with(world, Arc::new(tempfile::tempdir().unwrap()), RuntimeConfig::default())
}

fn settings(package: &Package, config: &str, secrets: &[&str]) -> Settings {
    Settings { config: package.effective_config(&toml::from_str(config).unwrap()).unwrap(), ..channel(secrets) }
}

async fn received(generation: &Generation, request: Request) -> Result<Reading, Rejection> {
    generation.receive(context(), &Arrival::Http(request)).await.unwrap().result
}

/// Nothing of these is in any file of the recordings.
fn assert_absent(studio: &Studio, secrets: &[&str]) {
    studio.recorder.flush();
    for file in std::fs::read_dir(studio.tapes.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let has = |part: &[u8]| memchr::memmem::find(&bytes, part).is_some();
        for secret in secrets {
            assert!(!has(secret.as_bytes()), "{secret}");
            assert!(!has(HEXLOWER.encode(secret.as_bytes()).as_bytes()), "{secret} in hex");
            for before in 0..3 {
                let padded = format!("{}{secret}zz", "\0".repeat(before));
                let own = (8 * before).div_ceil(6)..8 * (before + secret.len()) / 6;
                assert!(!has(&BASE64.encode(padded.as_bytes()).as_bytes()[own]), "{secret} in base64");
            }
        }
    }
}

#[tokio::test]
async fn a_password_in_an_authorization_is_nowhere_and_the_call_is_made_again() {
    let Some(package) = built("channel-email") else { return };
    let secrets = [("postmark-basic-auth", LOGIN), ("inbound-secret", "a path's secret")];
    let names = ["postmark-basic-auth", "inbound-secret"];
    let config = "from = 'help@shop.example'\nwebhooks = ['postmark']";
    let studio = studio(&secrets);
    let live = studio.house.load(&package, settings(&package, config, &names)).await;
    let samples = live.samples(context(), "Where is my parcel?").await.unwrap().result.unwrap();
    let [Sample::Http(shown)] = &samples[..] else { panic!("{samples:?}") };
    assert_eq!(received(&live, shown.clone()).await.unwrap().events.len(), 1);
    // By its path; encoded, and with what is somebody else's beside it.
    let cookie = Attribute { name: "Cookie".into(), value: "session=4711-0815; theme=dark".into() };
    let mut by_path = Request { url: "/postmark/a path's secret".into(), headers: vec![cookie], ..shown.clone() };
    assert_eq!(received(&live, by_path.clone()).await.unwrap().events.len(), 1);
    // Refused before a secret is asked for.
    by_path.method = "GET".into();
    by_path.url = format!("/postmark/a%20path%27s%20secret?login={}", BASE64URL_NOPAD.encode(LOGIN.as_bytes()));
    assert_eq!(received(&live, by_path).await.unwrap().answer.unwrap().status, 405);
    assert_absent(&studio, &[LOGIN, "a path's secret", "a%20path%27s%20secret", "4711-0815"]);

    let same = Summary { calls: 3, same: 3, ..Summary::default() };
    for secrets in [&secrets[..], &[("postmark-basic-auth", "another:password"), ("inbound-secret", "new")]] {
        let later = later(secrets);
        let candidate = later.load(&package, settings(&package, config, &names)).await;
        assert_eq!(replay(&candidate, studio.read(Wanted::default()), |_| {}).await, same, "{secrets:?}");
    }
    // Where no secret is set, it is told the marker, which is what stands in the header.
    let candidate = later(&[]).load(&package, settings(&package, config, &names)).await;
    assert_eq!(replay(&candidate, studio.read(Wanted::default()), |_| {}).await, same);
    // One that takes no webhooks reads otherwise.
    let candidate = later(&secrets).load(&package, settings(&package, "from = 'help@shop.example'", &names)).await;
    let summary = replay(&candidate, studio.read(Wanted::default()), |_| {}).await;
    assert!(summary.different > 0, "{summary}");
}

#[tokio::test]
async fn a_visitor_s_token_is_nowhere_and_fits_its_signature_all_the_same() {
    let Some(package) = built("channel-webchat") else { return };
    let studio = studio(&[("webchat-key", KEY)]);
    let config = "origins = ['https://shop.example']";
    let live = studio.house.load(&package, settings(&package, config, &["webchat-key"])).await;
    let origin = ("origin", "https://shop.example");
    let seed = format!("{{\"seed\":\"{}\"}}", "s".repeat(32));
    let json = ("content-type", "application/json");
    let session = received(&live, request("POST", "/session", &[origin, json], &seed)).await.unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&session.answer.unwrap().body).unwrap();
    let token = answer["token"].as_str().unwrap();
    let bearer = format!("Bearer {token}");
    let write = |bearer: &str| {
        let headers = [origin, json, ("authorization", bearer)];
        request("POST", "/messages", &headers, "{\"id\":\"m-1\",\"text\":\"Where is my parcel?\"}")
    };
    let written = received(&live, write(&bearer)).await.unwrap();
    assert_eq!(written.answer.as_ref().map(|answer| answer.status), Some(200), "{written:?}");
    assert_eq!(written.events.len(), 1);
    // A token by somebody else is refused, and is left out whole.
    let forged = received(&live, write("Bearer eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl")).await;
    assert_eq!(forged.unwrap().answer.unwrap().status, 401);
    assert_absent(&studio, &[KEY, token.rsplit('.').next().unwrap(), "c2lnbmF0dXJl"]);

    for secrets in [&[("webchat-key", KEY)][..], &[("webchat-key", "a-key-that-nothing-was-signed-by")], &[]] {
        let later = later(secrets);
        let candidate = later.load(&package, settings(&package, config, &["webchat-key"])).await;
        let summary = replay(&candidate, studio.read(Wanted::default()), |_| {}).await;
        // Nothing is left of the forged one: it is refused again, as one that is not there.
        let expected = Summary { calls: 2, same: 2, withheld: 1, ..Summary::default() };
        assert_eq!(summary, expected, "{secrets:?}");
    }
}

#[tokio::test]
async fn a_refusal_for_want_of_a_credential_that_is_not_recorded_is_counted_apart() {
    let studio = studio(&[]);
    let live = studio.house.load(&ADAPTER.package(), channel(&[])).await;
    for headers in [&[("authorization", "Bearer opaque-4711")][..], &[]] {
        received(&live, request("POST", "/", headers, "{}")).await.unwrap();
    }
    assert_absent(&studio, &["opaque-4711"]);
    // It takes nobody for who he says he is: that is a difference where nothing was shown.
    let strict = Guest { main: "(i32.store8 (i32.const 0) (i32.const 1))", ..ADAPTER }.package();
    let candidate = later(&[]).load(&strict, channel(&[])).await;
    let summary = replay(&candidate, studio.read(Wanted::default()), |_| {}).await;
    assert_eq!(summary, Summary { calls: 1, different: 1, withheld: 1, ..Summary::default() });
}
