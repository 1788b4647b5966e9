//! More than a hundred thousand conversations before two hundred agents, and the week that a shop is staffed for: in simulation, on the
//! real policies and the real store.
use std::path::Path;

use serde_json::Value;
use tributary_tests::Desk;

use crate::figure::row;

/// So many conversations come in within an hour, before anybody is there: a tenth above the hundred thousand beside which
/// claims are judged.
const FLOOD: u32 = 112_000;

/// The flood: of twenty in the hundred something is at stake, and each team has its own.
fn flood() -> String {
    let agents: String = [
        ("service", "orders", 110),
        ("after-sales", "returns", 50),
        ("logistics", "", 25),
        ("risk", "payments", 15),
    ]
    .into_iter()
    .map(|(team, skill, count)| {
        let skills = if skill.is_empty() { String::new() } else { format!("{skill:?}") };
        let senior = team == "risk" || team == "after-sales";
        format!(
            "[[agents]]\nname = {team:?}\ncount = {count}\nteams = [{team:?}]\nskills = [{skills}]\nsenior = {senior}\n\
                 capacity = 4\nfrom = 1\nto = 24\n"
        )
    })
    .collect();
    let traffic: String = [
        ("question", "webchat", 0.55, "这款有货吗"),
        ("parcel", "wechat", 0.2, "我的快递到哪了"),
        ("return", "webchat", 0.23, "鞋子大了想退货"),
        ("stolen", "wechat", 0.02, "我的账号被盗了，有人正在用我的钱下单"),
    ]
    .into_iter()
    .map(|(name, channel, share, text)| {
        let per_day = f64::from(FLOOD) * share;
        format!(
            "[[traffic]]\nname = {name:?}\nchannel = {channel:?}\nper-day = {per_day}\nto-hour = 1\n\
             hours = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]\ntexts = [{text:?}]\n\
             handling = 40\nanswer = \"您好，已为您查到，请放心。\"\n"
        )
    })
    .collect();
    format!(
        "about = \"A flood\"\nstart = \"2026-05-11T00:00:00+08:00[Asia/Shanghai]\"\ndays = 1\nafter-hours = 0\nseed = 1\n\
         {agents}{traffic}"
    )
}

fn had(desk: &Desk, day: &Path) -> Value {
    let output = desk.command(&["simulate", "--json", "--day", &day.to_string_lossy()]).output();
    let output = output.expect("the program runs");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// The flood, then the three scenarios that come along.
pub fn run() {
    let desk = Desk::setup().init();
    let file = desk.dir.join("flood.toml");
    std::fs::write(&file, flood()).expect("a file can be written");
    let flood = had(&desk, &file);
    assert!(flood["broken"].as_array().is_some_and(Vec::is_empty), "{}", flood["broken"]);
    let (claim, waiting) = (&flood["full_claim_ms"], flood["waiting_at_claim"].as_u64().unwrap_or_default());
    row("conversations before 200 agents", flood["conversations"].to_string(), "");
    row("waiting when one is claimed, the most", waiting.to_string(), "");
    row("and the fewest for the two lines of claims", (waiting * 9 / 10).to_string(), "100,000");
    row("two holders, an emergency passed over, work for somebody full or away", "never".into(), "never");
    row("the claim of the next one, p50", format!("{:.2} ms", claim["p50"].as_f64().unwrap_or_default()), "");
    row(
        "the claim of the next one, p99",
        format!("{:.2} ms", claim["p99"].as_f64().unwrap_or_default()),
        "at most 5 ms",
    );
    row("the day took", format!("{:.0} s", flood["took"].as_f64().unwrap_or_default()), "");
    for name in ["normal-week", "double-11", "incident"] {
        let report = had(&desk, Path::new(name));
        let connect = report["clocks"].as_array().and_then(|all| all.iter().find(|it| it["name"] == "connect"));
        let kept = connect.and_then(|it| it["kept"].as_f64()).unwrap_or_default();
        let wanted = if name == "normal-week" { "at least 99 %" } else { "" };
        row(&format!("{name}: the 30 seconds until somebody is there, kept"), format!("{kept:.2} %"), wanted);
        let took = report["took"].as_f64().unwrap_or_default();
        row(&format!("{name}: {} conversations took", report["conversations"]), format!("{took:.1} s"), "");
    }
}
