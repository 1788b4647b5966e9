//! From the traits to the component's exports: [`export!`](crate::export) and what it expands to.
use std::marker::PhantomData;
use std::sync::OnceLock;

use serde_json::Value;

use crate::bindings::{channel, commerce, lifecycle, migration, policy, poller, presence, review, sampler};
use crate::desk::{Decision, Fault, Happening, Snapshot, Verdict};
use crate::trade::Operation;
use crate::types::{Content, Delivery, Handle, Order, SendError};
use crate::{
    Arrival, Batch, Channel, Commerce, Migrate, Outgoing, Plugin, Policy, Poller, PrepareError, Presence, Reading,
    Rejection, Review, Sample, Sampler, Sign, host,
};

/// A plugin that [`export!`](crate::export) was called for, with what its component carries.
pub trait Exported: Plugin {
    /// The text of `plugin.toml`.
    const MANIFEST: &'static str;
    /// The JSON Schema of the configuration.
    const CONFIG_SCHEMA: &'static str;
    /// The text of `config.toml`.
    const CONFIG_DEFAULT: &'static str;
    /// `config.toml` as a JSON object.
    const CONFIG_DEFAULT_JSON: &'static str;

    /// Where the prepared value is kept.
    #[doc(hidden)]
    fn cell() -> &'static OnceLock<Self>;
}

/// Prepare a plugin with a configuration, a JSON object. Keys it leaves out have the value of the plugin's `config.toml`;
/// a key it has replaces the default as a whole.
///
/// # Errors
/// [`PrepareError`] where the configuration does not fit, or the plugin's own.
pub fn load<P: Exported>(config: &str) -> Result<P, PrepareError> {
    let mut merged: Value = serde_json::from_str(P::CONFIG_DEFAULT_JSON)?;
    let given: Value = serde_json::from_str(config)?;
    let (Value::Object(merged_keys), Value::Object(given_keys)) = (&mut merged, given) else {
        return Err(PrepareError::Configuration("expected an object".into()));
    };
    merged_keys.extend(given_keys);
    P::prepare(serde_json::from_value(merged)?)
}

/// The prepared value: from the picture, or, where the component could not be pictured, made now.
fn prepared<P: Exported>() -> Result<&'static P, PrepareError> {
    let cell = P::cell();
    match cell.get() {
        Some(plugin) => Ok(plugin),
        None => {
            let plugin = load::<P>(&host::config::get())?;
            Ok(cell.get_or_init(|| plugin))
        }
    }
}

/// Carries the generated guest traits for a plugin.
#[doc(hidden)]
pub struct Guest<P>(PhantomData<P>);

impl<P: Exported> lifecycle::exports::tributary::plugin::lifecycle::Guest for Guest<P> {
    fn prepare() -> Result<(), String> {
        prepared::<P>().map_err(|error| error.to_string())?;
        #[cfg(target_arch = "wasm32")]
        crate::heap::fill_holes();
        Ok(())
    }
}

impl<P: Exported + Channel> channel::exports::tributary::plugin::channel::Guest for Guest<P> {
    fn receive(arrival: Arrival) -> Result<Reading, Rejection> {
        // Parked with its cause: the arrival is not at fault and can be replayed once the configuration is right.
        prepared::<P>().map_err(|error| Rejection::Malformed(error.to_string()))?.receive(arrival)
    }

    fn send(message: Outgoing) -> Result<Delivery, SendError> {
        prepared::<P>().map_err(unprepared)?.send(message)
    }
}

impl<P: Exported + Poller> poller::exports::tributary::plugin::poller::Guest for Guest<P> {
    fn poll(cursor: Option<String>) -> Result<Batch, SendError> {
        prepared::<P>().map_err(unprepared)?.poll(cursor)
    }
}

impl<P: Exported + Presence> presence::exports::tributary::plugin::presence::Guest for Guest<P> {
    fn show(to: Vec<Handle>, sign: Sign) -> Result<(), SendError> {
        prepared::<P>().map_err(unprepared)?.show(to, sign)
    }
}

impl<P: Exported + Sampler> sampler::exports::tributary::plugin::sampler::Guest for Guest<P> {
    fn samples(text: String) -> Result<Vec<Sample>, String> {
        prepared::<P>().map_err(|error| error.to_string())?.samples(&text)
    }
}

impl<P: Exported + Commerce> commerce::exports::tributary::plugin::commerce::Guest for Guest<P> {
    fn look_up(order_id: String) -> Result<Option<Order>, SendError> {
        prepared::<P>().map_err(unprepared)?.look_up(order_id)
    }

    fn perform(operation: Operation, idempotency_key: String) -> Result<String, SendError> {
        prepared::<P>().map_err(unprepared)?.perform(operation, idempotency_key)
    }
}

impl<P: Exported + Policy> policy::exports::tributary::plugin::policy::Guest for Guest<P> {
    fn decide(conversation: Snapshot, happening: Happening) -> Result<Vec<Decision>, Fault> {
        prepared::<P>().map_err(unconfigured)?.decide(&conversation, &happening)
    }
}

impl<P: Exported + Review> review::exports::tributary::plugin::review::Guest for Guest<P> {
    fn review(conversation: Snapshot, draft: Content) -> Result<Verdict, Fault> {
        prepared::<P>().map_err(unconfigured)?.review(&conversation, &draft)
    }
}

impl<P: Exported + Migrate> migration::exports::tributary::plugin::migration::Guest for Guest<P> {
    fn migrate(from: String, entries: Vec<(String, Vec<u8>)>) -> Result<Vec<(String, Vec<u8>)>, String> {
        let plugin = prepared::<P>().map_err(|error| error.to_string())?;
        plugin.migrate(&from, entries).map_err(|error| error.to_string())
    }
}

fn unprepared(error: PrepareError) -> SendError {
    SendError::temporary(error.to_string())
}

fn unconfigured(error: PrepareError) -> Fault {
    Fault::NotConfigured(error.to_string())
}

/// Answers at compile time whether a plugin implements what it exports.
#[doc(hidden)]
pub struct Exports<P>(PhantomData<P>);

impl<P> Exports<P> {
    /// The plugin is a channel.
    pub const fn channel()
    where
        P: Channel,
    {
    }
    /// The plugin is a poller.
    pub const fn poller()
    where
        P: Poller,
    {
    }
    /// The plugin shows what the shop is doing.
    pub const fn presence()
    where
        P: Presence,
    {
    }
    /// The plugin can be tried.
    pub const fn sampler()
    where
        P: Sampler,
    {
    }
    /// The plugin is a marketplace.
    pub const fn commerce()
    where
        P: Commerce,
    {
    }
    /// The plugin decides.
    pub const fn policy()
    where
        P: Policy,
    {
    }
    /// The plugin reviews.
    pub const fn review()
    where
        P: Review,
    {
    }
    /// The plugin carries its state over.
    pub const fn migration()
    where
        P: Migrate,
    {
    }
}

/// Export a plugin: `export!(Email: channel)`. Interfaces are `channel`, `poller`, `commerce`, `presence`,
/// `sampler`, `policy`, `review` and `migration`, several joined by `+`. Once per crate, in its root.
///
/// The component's entry points and custom sections (`tributary:plugin`, `tributary:config-schema`,
/// `tributary:config-default`) exist for wasm32 only, so that several plugins link into one native program.
#[macro_export]
macro_rules! export {
    ($plugin:ident : $first:ident $(+ $more:ident)*) => {
        // The entry points of the canonical ABI and the custom sections need attributes that count as unsafe code.
        #[allow(unsafe_code, reason = "generated exports of the canonical ABI")]
        const _: () = {
            impl $crate::Exported for $plugin {
                const MANIFEST: &'static str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/plugin.toml"));
                const CONFIG_SCHEMA: &'static str = include_str!(concat!(env!("OUT_DIR"), "/config-schema.json"));
                const CONFIG_DEFAULT: &'static str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/config.toml"));
                const CONFIG_DEFAULT_JSON: &'static str = include_str!(concat!(env!("OUT_DIR"), "/config-default.json"));

                fn cell() -> &'static ::std::sync::OnceLock<Self> {
                    static PREPARED: ::std::sync::OnceLock<$plugin> = ::std::sync::OnceLock::new();
                    &PREPARED
                }
            }

            $crate::Exports::<$plugin>::$first();
            $($crate::Exports::<$plugin>::$more();)*

            #[cfg(not(target_arch = "wasm32"))]
            impl $crate::testing::Answers for $plugin {
                fn answer(&self, call: &$crate::testing::Call) -> ::std::option::Option<$crate::testing::Answer> {
                    $crate::testing::ask::$first(self, call)$(.or_else(|| $crate::testing::ask::$more(self, call)))*
                }
            }

            #[cfg(target_arch = "wasm32")]
            const _: () = {
                type TributaryGuest = $crate::Guest<$plugin>;
                $crate::bindings::lifecycle::export_lifecycle!(TributaryGuest with_types_in $crate::bindings::lifecycle);
                $crate::__export_interface!($first TributaryGuest);
                $($crate::__export_interface!($more TributaryGuest);)*

                #[used]
                #[unsafe(link_section = "tributary:plugin")]
                static MANIFEST: [u8; <$plugin as $crate::Exported>::MANIFEST.len()] =
                    *include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/plugin.toml"));
                #[used]
                #[unsafe(link_section = "tributary:config-schema")]
                static SCHEMA: [u8; <$plugin as $crate::Exported>::CONFIG_SCHEMA.len()] =
                    *include_bytes!(concat!(env!("OUT_DIR"), "/config-schema.json"));
                #[used]
                #[unsafe(link_section = "tributary:config-default")]
                static DEFAULT: [u8; <$plugin as $crate::Exported>::CONFIG_DEFAULT.len()] =
                    *include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/config.toml"));
            };
        };
    };
}

/// The generated export macro of one interface.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_interface {
    (channel $guest:ident) => {
        $crate::bindings::channel::export_channel!($guest with_types_in $crate::bindings::channel);
    };
    (poller $guest:ident) => {
        $crate::bindings::poller::export_poller!($guest with_types_in $crate::bindings::poller);
    };
    (presence $guest:ident) => {
        $crate::bindings::presence::export_presence!($guest with_types_in $crate::bindings::presence);
    };
    (sampler $guest:ident) => {
        $crate::bindings::sampler::export_sampler!($guest with_types_in $crate::bindings::sampler);
    };
    (commerce $guest:ident) => {
        $crate::bindings::commerce::export_commerce!($guest with_types_in $crate::bindings::commerce);
    };
    (policy $guest:ident) => {
        $crate::bindings::policy::export_policy!($guest with_types_in $crate::bindings::policy);
    };
    (review $guest:ident) => {
        $crate::bindings::review::export_review!($guest with_types_in $crate::bindings::review);
    };
    (migration $guest:ident) => {
        $crate::bindings::migration::export_migration!($guest with_types_in $crate::bindings::migration);
    };
}
