//! What is wrong with plugins, as lines that name the file and the key to look at.
use crate::config::reader::Fault;
use crate::config::{Config, FILE};
use tributary_fleet::FleetError;
use tributary_model::Place;
use tributary_model::error::chain;
use tributary_runtime::LoadError;

/// One line a fault.
pub fn faults(config: &Config, errors: &[FleetError]) -> Vec<Fault> {
    errors.iter().flat_map(|error| fault(config, error)).collect()
}

fn fault(config: &Config, error: &FleetError) -> Vec<Fault> {
    let one = |file: String, what: String| vec![Fault { file, line: None, key: String::new(), what }];
    match error {
        FleetError::Load { place, plugin, source, .. } => match &**source {
            // The plugin's own schema knows the key; the operator wrote it where the entry says.
            LoadError::Config(found) => {
                let told = |fault: &tributary_runtime::ConfigFault| Fault {
                    file: origin(config, place),
                    line: None,
                    key: fault.path.trim_start_matches('/').replace('/', "."),
                    what: fault.what.clone(),
                };
                found.0.iter().map(told).collect()
            }
            other => one(format!("plugins/{plugin}.wasm"), chain(other)),
        },
        FleetError::Package { file, source } => one(file.clone(), chain(source)),
        FleetError::Untrusted { plugin, source, .. } => one(format!("plugins/{plugin}.wasm"), chain(source)),
        FleetError::WrongKind { place, plugin, .. } => one(format!("{FILE}: {place}"), {
            let (is, belongs) = match place {
                Place::Channel(_) => ("a policy", "a channel needs an adapter"),
                Place::Policy(_) => ("an adapter", "it belongs under [[channel]]"),
            };
            format!("{plugin} is {is}; {belongs}")
        }),
        FleetError::Gone { plugin, .. } => one(format!("plugins/{plugin}.wasm"), chain(error)),
        other => one(FILE.to_owned(), chain(other)),
    }
}

fn origin(config: &Config, place: &Place) -> String {
    let entry = config.places.iter().find(|entry| entry.place == *place);
    entry.map_or_else(|| FILE.to_owned(), |entry| entry.origin.clone())
}
