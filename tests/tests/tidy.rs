//! The house rules that a program can see. Each test names every offence it finds, not the first.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use std::path::{Path, PathBuf};

use tributary_tests::program::root;

/// Panics with all offences of one rule.
fn none(rule: &str, offences: Vec<String>) {
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}

/// Every file of the project with one of these endings, with its text. What is built and what git ignores is left out.
fn files(endings: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(root(), endings, &mut found);
    found.sort();
    assert!(found.len() > 3, "the project has files");
    found
}

fn collect(folder: &Path, endings: &[&str], found: &mut Vec<(String, String)>) {
    const BUILT: [&str; 7] = ["target", ".git", "node_modules", "__pycache__", "corpus", "artifacts", "cases"];
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap_or_default());
        if path.is_dir() {
            if !BUILT.contains(&name.as_str()) {
                collect(&path, endings, found);
            }
        } else if endings.iter().any(|ending| name.ends_with(ending))
            && let Ok(text) = std::fs::read_to_string(&path)
        {
            found.push((path.strip_prefix(root()).unwrap().display().to_string(), text));
        }
    }
}

/// The Rust files that ship: of `host`, `sdk` and `plugins`, without tests, fixtures and examples.
fn shipped() -> Vec<(String, String)> {
    let mut files = files(&[".rs"]);
    files.retain(|(path, _)| {
        ["host/", "sdk/", "plugins/"].iter().any(|top| path.starts_with(top))
            && !["/tests/", "/examples/", "/benches/", "/fixtures/", "/template/"]
                .iter()
                .any(|part| path.contains(part))
            && !path.ends_with("tests.rs")
    });
    files
}

/// The lines of a file before its test module, numbered from 1, comments and doc texts taken out.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let end = text.find("#[cfg(test)]").unwrap_or(text.len());
    let lines = text[..end].lines().enumerate().map(|(number, line)| (number + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Lines of shipped code that contain one of these, for which `allowed` does not speak.
fn lines_with(needles: &[&str], allowed: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let mut offences = Vec::new();
    for (path, text) in shipped() {
        for (number, line) in code(&text) {
            if needles.iter().any(|needle| line.contains(needle)) && !allowed(&path, line) {
                offences.push(format!("{path}:{number}: {}", line.trim()));
            }
        }
    }
    offences
}

#[test]
fn every_file_says_what_it_is_for() {
    let offences = files(&[".rs"]).into_iter().filter(|(_, text)| !text.starts_with("//!")).map(|(path, _)| path);
    none("a file begins with //!", offences.collect());
}

#[test]
fn no_file_is_too_long_to_read() {
    let long = files(&[".rs", ".py", ".wit", ".sql"]).into_iter().filter_map(|(path, text)| {
        let lines = text.lines().count();
        (lines > 800).then(|| format!("{path}: {lines} lines"))
    });
    none("a file has at most 800 lines", long.collect());
}

#[test]
fn no_module_is_called_mod() {
    let offences = files(&[".rs"]).into_iter().map(|(path, _)| path).filter(|path| path.ends_with("/mod.rs"));
    none("foo.rs beside foo/, not foo/mod.rs", offences.collect());
}

#[test]
fn no_test_is_left_out() {
    let mark = concat!("#[", "ignore");
    let offences = files(&[".rs"]).into_iter().filter(|(_, text)| text.contains(mark)).map(|(path, _)| path);
    none("no test is ignored", offences.collect());
}

#[test]
fn the_host_binds_the_contract_in_one_place() {
    let binders: Vec<String> = shipped()
        .into_iter()
        .filter(|(path, text)| path.starts_with("host/") && code(text).any(|(_, line)| line.contains("bindgen!")))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(binders.len(), 1, "one bindgen! on the host side: {binders:?}");
}

#[test]
fn shipped_code_does_not_panic_on_what_it_did_not_expect() {
    // What tests of plugins share fails by panicking; xtask and build scripts are not the daemon, and use neither.
    let testing = |path: &str| path.starts_with("sdk/") && path.contains("/src/testing");
    let needles = [".unwrap()", ".expect(", "todo!(", "unimplemented!(", "dbg!("];
    none("no unwrap, expect or todo outside tests", lines_with(&needles, |path, _| testing(path)));
}

#[test]
fn errors_are_typed() {
    let offences = lines_with(&[", String>"], |path, line| {
        let is_error = line.contains("Result<") && !line.contains("Map<");
        // The contract says so, or a reader of one value, whose words go straight to a person.
        let by_contract =
            ["sdk/", "plugins/", "host/runtime/src/instance.rs"].iter().any(|place| path.starts_with(place));
        !is_error || by_contract || path.ends_with("config/reader.rs")
    });
    none("no Result<_, String>", offences);
}

#[test]
fn no_lint_is_allowed_without_a_reason() {
    let mut offences = Vec::new();
    for (path, text) in files(&[".rs"]) {
        let mut rest = text.as_str();
        while let Some(at) = rest.find("[allow(") {
            let end = rest[at..].find(")]").map_or(rest.len(), |end| at + end);
            let line = text.len() - rest.len() + at;
            if !rest[at..end].contains("reason") && !text[..line].ends_with('"') {
                offences.push(format!("{path}:{}", text[..line].lines().count()));
            }
            rest = &rest[end..];
        }
    }
    none("allow(…, reason = \"…\")", offences);
}

#[test]
fn channels_are_bounded() {
    let needles = ["unbounded_channel", "mpsc::channel()", "UnboundedSender"];
    // xtask and the tests' own programs have nobody to be slow for.
    none("every channel has a bound", lines_with(&needles, |path, _| path.starts_with("host/xtask/")));
}

#[test]
fn libraries_do_not_read_the_environment() {
    let offences = lines_with(&["env::var"], |path, _| {
        ["host/xtask/", "host/daemon/", "sdk/rust-build/"].iter().any(|place| path.starts_with(place))
            || path.ends_with("build.rs")
    });
    none("configuration comes through the configuration", offences);
}

/// Where tasks may be spawned: the driver, and doors whose task per connection or request is bounded and awaited there.
const SPAWNERS: [&str; 5] = [
    "host/pipeline/src/",
    "host/gateway/src/smtp/",
    "host/gateway/src/api/write.rs",
    "host/gateway/src/http.rs",
    "host/runtime/src/",
];

#[test]
fn tasks_are_spawned_where_somebody_keeps_them() {
    let needles = ["tokio::spawn(", "task::spawn(", "thread::spawn("];
    let offences = lines_with(&needles, |path, _| {
        SPAWNERS.iter().any(|place| path.starts_with(place))
            || path.starts_with("host/xtask/")
            || path.starts_with("host/store/")
    });
    none("no anonymous task", offences);
}

#[test]
fn every_item_of_the_contract_is_documented() {
    const ITEMS: [&str; 8] = ["interface ", "world ", "record ", "variant ", "enum ", "flags ", "resource ", "type "];
    let mut offences = Vec::new();
    let mut items = 0;
    for (path, text) in files(&[".wit"]) {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        // Inside a record, variant, enum or flags every line that is no comment is an item too.
        let mut inside = false;
        for (number, line) in lines.iter().enumerate() {
            let name = line.split([':', '(', ',', ' ', '{']).next().unwrap_or_default();
            let function = line.contains(": func") || line.contains(": async func") || line.contains(": static func");
            let block = ITEMS.iter().any(|item| line.starts_with(item));
            let member = inside
                && !line.is_empty()
                && !line.starts_with("//")
                && !line.starts_with('}')
                && !line.starts_with('@');
            if (block || function || member) && !name.is_empty() {
                items += 1;
                let before = lines[..number].iter().rev().find(|line| !line.starts_with('@'));
                if !before.is_some_and(|before| before.starts_with("///")) {
                    offences.push(format!("{path}:{}: {line}", number + 1));
                }
            }
            if ["record ", "variant ", "enum ", "flags "].iter().any(|item| line.starts_with(item)) {
                inside = !line.ends_with('}');
            } else if line.starts_with('}') {
                inside = false;
            }
        }
    }
    assert!(items > 100, "the contract has items: {items}");
    none("/// above every item", offences);
}

/// A member of the workspace and its manifest.
fn members() -> Vec<(String, toml::Table)> {
    let mut members = Vec::new();
    for (path, text) in files(&["Cargo.toml"]) {
        let table: toml::Table = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
        if table.contains_key("package")
            && !path.starts_with("tests/fuzz")
            && !path.starts_with("tests/guests")
            && !path.contains("template")
        {
            members.push((path, table));
        }
    }
    members
}

/// The names in `[dependencies]`.
fn dependencies<'a>(manifest: &'a toml::Table, table: &str) -> Vec<&'a str> {
    manifest
        .get(table)
        .and_then(|table| table.as_table())
        .map(|table| table.keys().map(String::as_str).collect())
        .unwrap_or_default()
}

#[test]
fn every_dependency_is_named_once_for_all() {
    let mut offences = Vec::new();
    for (path, manifest) in members() {
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (name, value) in manifest.get(table).and_then(|table| table.as_table()).into_iter().flatten() {
                // A plugin that another one's tests run beside it is named by its folder.
                let plugin =
                    value.get("path").and_then(toml::Value::as_str).is_some_and(|path| path.starts_with("../"));
                if value.get("workspace").and_then(toml::Value::as_bool) != Some(true) && !plugin {
                    offences.push(format!("{path}: {table}.{name}"));
                }
            }
        }
        if manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool) != Some(true) {
            offences.push(format!("{path}: lints.workspace"));
        }
    }
    none("versions and features stand in the workspace's Cargo.toml", offences);
}

/// Five floors, and no stair back up: what each may lean on.
const FLOORS: [(&str, &[&str]); 13] = [
    ("tributary-model", &[]),
    ("tributary-store", &["tributary-model"]),
    ("tributary-runtime", &["tributary-model"]),
    ("tributary-pipeline", &["tributary-model", "tributary-store", "tributary-runtime"]),
    ("tributary-fleet", &["tributary-model", "tributary-store", "tributary-runtime", "tributary-pipeline"]),
    ("tributary-simulate", &["tributary-model", "tributary-store", "tributary-runtime", "tributary-pipeline"]),
    (
        "tributary-gateway",
        &["tributary-model", "tributary-store", "tributary-runtime", "tributary-pipeline", "tributary-fleet"],
    ),
    (
        "tributary",
        &[
            "tributary-model",
            "tributary-store",
            "tributary-runtime",
            "tributary-pipeline",
            "tributary-fleet",
            "tributary-gateway",
            "tributary-simulate",
        ],
    ),
    ("xtask", &["tributary-sdk-build"]),
    ("tributary-sdk", &[]),
    ("tributary-wechat", &["tributary-sdk"]),
    ("tributary-marketplace", &["tributary-sdk"]),
    ("tributary-policy", &["tributary-sdk"]),
];

#[test]
fn floors_lean_on_lower_floors_only() {
    let mut offences = Vec::new();
    for (path, manifest) in members() {
        let name = manifest["package"]["name"].as_str().unwrap_or_default().to_owned();
        let floor = FLOORS.iter().find(|(floor, _)| *floor == name).map(|(_, allowed)| *allowed);
        let allowed = match floor {
            Some(allowed) => allowed,
            None if path.starts_with("plugins/") => {
                &["tributary-sdk", "tributary-wechat", "tributary-marketplace", "tributary-policy"][..]
            }
            None => continue,
        };
        for dependency in dependencies(&manifest, "dependencies") {
            if dependency.starts_with("tributary") && !allowed.contains(&dependency) {
                offences.push(format!("{path}: {dependency}"));
            }
        }
    }
    none(
        "daemon → gateway → fleet → pipeline → runtime | store → model; plugins see the SDK, the SDK sees the contract",
        offences,
    );
}

/// What only these may depend on, so that each concern has one house.
const CONCERNS: [(&str, &[&str]); 8] = [
    ("rusqlite", &["tributary-store"]),
    ("wasmtime", &["tributary-runtime"]),
    ("wasmtime-wizer", &["tributary-runtime"]),
    ("axum", &["tributary-gateway"]),
    ("hyper", &["tributary-gateway", "tributary-runtime"]),
    ("smtp-proto", &["tributary-gateway"]),
    ("clap", &["tributary"]),
    ("anyhow", &["tributary", "xtask"]),
];

#[test]
fn each_concern_has_one_house() {
    let mut offences = Vec::new();
    for (path, manifest) in members() {
        let name = manifest["package"]["name"].as_str().unwrap_or_default();
        let dependencies = dependencies(&manifest, "dependencies");
        for (concern, houses) in CONCERNS {
            if dependencies.contains(&concern) && !houses.contains(&name) && !path.starts_with("tests/") {
                offences.push(format!("{path}: {concern} belongs to {}", houses.join(", ")));
            }
        }
        if name == "tributary-model" {
            let pure = ["sha2", "data-encoding", "jiff", "rust-stemmers", "unicode-normalization"];
            offences.extend(
                dependencies
                    .iter()
                    .filter(|name| !pure.contains(name))
                    .map(|name| format!("{path}: {name}, and the model is pure")),
            );
        }
    }
    none("SQL in the store, components in the runtime, HTTP in the gateway", offences);
}

#[test]
fn sql_stands_in_the_store_alone() {
    let needles = ["SELECT ", "INSERT INTO", "DELETE FROM", "PRAGMA "];
    none("all SQL in host/store", lines_with(&needles, |path, _| path.starts_with("host/store/")));
}

#[test]
fn the_top_level_is_tidy() {
    const KNOWN: [&str; 11] = [
        "Cargo.toml",
        "Cargo.lock",
        "LICENSE",
        "README.md",
        "host",
        "wit",
        "plugins",
        "sdk",
        "tests",
        "target",
        "rust-toolchain.toml",
    ];
    let entries =
        std::fs::read_dir(root()).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap_or_default());
    none(
        "nothing else at the top level",
        entries.filter(|name| !name.starts_with('.') && !KNOWN.contains(&name.as_str())).collect(),
    );
}

#[test]
fn no_machine_and_no_registry_is_named() {
    // Put together here, so that this file does not name them either.
    let dot = ".";
    let hosts = ["crates|io", "pypi|org", "pythonhosted|org", "npmjs|org", "deb|debian|org", "rust-lang|org/dist"];
    let mut needles: Vec<String> = hosts.iter().map(|host| host.replace('|', dot)).collect();
    needles.push(format!("{}{}", "/ro", "ot/"));
    needles.push(format!("{}{}", "/wo", "rk/"));
    let mut offences = Vec::new();
    for (path, text) in files(&[".rs", ".toml", ".md", ".py", ".wit", ".sql", ".json", "run"]) {
        for (number, line) in text.lines().enumerate() {
            if needles.iter().any(|needle| line.contains(needle.as_str())) {
                offences.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    none("no machine's path, no registry's host", offences);
}

#[test]
fn every_plugin_is_whole() {
    let mut offences = Vec::new();
    for folder in std::fs::read_dir(root().join("plugins"))
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
    {
        for part in ["Cargo.toml", "plugin.toml", "config.toml", "build.rs", "src/lib.rs", "fixtures"] {
            let path: PathBuf = folder.join(part);
            if !path.exists() {
                offences.push(path.strip_prefix(root()).unwrap().display().to_string());
            }
        }
    }
    none("a plugin is a crate with its manifest, its configuration and fixtures", offences);
}

/// The quoted words of a list that begins with `start` and ends with `];`.
fn words_of(file: &str, start: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(file)).unwrap();
    let (_, list) = text.split_once(start).unwrap_or_else(|| panic!("{file} has no {start}"));
    let (list, _) = list.split_once("];").unwrap();
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The cases of a variant of the contract.
fn cases_of(variant: &str) -> Vec<String> {
    let types = std::fs::read_to_string(root().join("wit/types.wit")).unwrap();
    let (_, cases) = types.split_once(&format!("variant {variant} {{")).unwrap();
    let (cases, _) = cases.split_once("\n    }").unwrap();
    let cases = cases.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("///"));
    cases.map(|line| line.split(['(', ',']).next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn host_and_sdk_name_the_contract_s_actions_happenings_and_services() {
    let (actions, happenings) = (cases_of("action"), cases_of("happening"));
    assert!(actions.len() > 10 && happenings.len() > 5, "{actions:?} {happenings:?}");
    let (host, sdk) = ("host/model/src/decision.rs", "sdk/rust-build/src/manifest.rs");
    assert_eq!(words_of(host, "pub const WORDS"), actions);
    assert_eq!(words_of(sdk, "pub const ACTIONS"), actions);
    assert_eq!(words_of(host, &format!("pub const WORDS: [&'static str; {}]", happenings.len())), happenings);
    assert_eq!(words_of(sdk, "pub const HAPPENINGS"), happenings);

    let host = std::fs::read_to_string(root().join("wit/host.wit")).unwrap();
    let mut services: Vec<String> = host
        .lines()
        .filter_map(|line| Some(line.strip_prefix("interface ")?.trim_end_matches([' ', '{']).to_owned()))
        .collect();
    services.sort();
    for file in ["host/runtime/src/package/manifest.rs", "sdk/rust-build/src/manifest.rs"] {
        let mut named = words_of(file, "pub const SERVICES");
        named.sort();
        assert_eq!(named, services, "{file}");
    }
}
