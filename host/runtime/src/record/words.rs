//! The model's values in the words of the contract, and back.
//!
//! A recording keeps what crosses the boundary in the current version's shapes, whatever version the plugin was built
//! for: the door converts every served version from and to the model, so a call that an older plugin answered can be
//! made again on a newer one, and both answers can be compared.
mod desk;
mod message;
mod services;

pub(crate) use services::{Bytes, put_fields, put_shown_fields, withhold};

use super::pack::Pack;
use super::value::Value;
use std::sync::Arc;
use tributary_model::{AgentName, ChannelName, ContactId, ConversationId, OutgoingId, Timestamp};

/// A value is not what the contract says: the type that was expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a value that is not a `{0}`")]
pub struct Unlike(pub &'static str);

/// Can be written into a recording and read from it.
pub(crate) trait Word: Sized {
    fn put(&self, to: &mut Pack<'_>);
    fn take(from: Value) -> Result<Self, Unlike>;
}

/// The fields of a record that are still to be taken.
pub(crate) struct Fields(Vec<(String, Value)>);

impl Fields {
    pub fn of(value: Value, name: &'static str) -> Result<Self, Unlike> {
        match value {
            Value::Map(pairs) => Ok(Self(pairs)),
            _ => Err(Unlike(name)),
        }
    }

    pub fn value(&mut self, name: &str) -> Value {
        match self.0.iter().position(|(key, _)| key == name) {
            Some(at) => self.0.swap_remove(at).1,
            // Only an option can be absent: what was recorded before a record grew is read all the same.
            None => Value::Nothing,
        }
    }

    pub fn take<T: Word>(&mut self, name: &str) -> Result<T, Unlike> {
        T::take(self.value(name))
    }
}

/// The name of a case, and its payload.
pub(crate) fn case(value: Value, name: &'static str) -> Result<(String, Value), Unlike> {
    match value {
        Value::Text(case) => Ok((case, Value::Nothing)),
        Value::Map(mut pairs) if pairs.len() == 1 => pairs.pop().ok_or(Unlike(name)),
        _ => Err(Unlike(name)),
    }
}

/// A record: its fields in order.
macro_rules! record {
    ($type:ty { $($field:ident),* $(,)? }) => {
        impl Word for $type {
            fn put(&self, to: &mut Pack<'_>) {
                to.map([$(stringify!($field)),*].len());
                $( to.key(stringify!($field)); self.$field.put(to); )*
            }
            fn take(from: Value) -> Result<Self, Unlike> {
                let mut fields = Fields::of(from, stringify!($type))?;
                Ok(Self { $($field: fields.take(stringify!($field))?),* })
            }
        }
    };
}
pub(crate) use record;

/// A variant or an enum. After each case the shape of its payload: `()` none, `(a)` one value, `(a b)` a tuple, `{a b}` a
/// record that the model has as a struct, `[a b]` a record that the model has as a tuple.
macro_rules! variant {
    ($type:ty { $($case:ident $shape:tt),* $(,)? }) => {
        impl Word for $type {
            fn put(&self, to: &mut Pack<'_>) {
                $( variant!(@put self to $case $shape); )*
            }
            fn take(from: Value) -> Result<Self, Unlike> {
                let (case, payload) = $crate::record::words::case(from, stringify!($type))?;
                $( if case == stringify!($case) { variant!(@take payload $type, $case $shape) } )*
                Err(Unlike(stringify!($type)))
            }
        }
    };
    (@put $self:ident $to:ident $case:ident ()) => {
        if matches!($self, Self::$case) { return $to.key(stringify!($case)); }
    };
    (@put $self:ident $to:ident $case:ident ($one:ident)) => {
        if let Self::$case($one) = $self {
            $to.map(1);
            $to.key(stringify!($case));
            return $one.put($to);
        }
    };
    (@put $self:ident $to:ident $case:ident ($one:ident $two:ident)) => {
        if let Self::$case($one, $two) = $self {
            $to.map(1);
            $to.key(stringify!($case));
            $to.list(2);
            $one.put($to);
            return $two.put($to);
        }
    };
    (@put $self:ident $to:ident $case:ident { $($field:ident)* }) => {
        if let Self::$case { $($field),* } = $self {
            $to.map(1);
            $to.key(stringify!($case));
            $to.map([$(stringify!($field)),*].len());
            $( $to.key(stringify!($field)); $field.put($to); )*
            return;
        }
    };
    (@put $self:ident $to:ident $case:ident [ $($field:ident)* ]) => {
        if let Self::$case($($field),*) = $self {
            $to.map(1);
            $to.key(stringify!($case));
            $to.map([$(stringify!($field)),*].len());
            $( $to.key(stringify!($field)); $field.put($to); )*
            return;
        }
    };
    (@take $payload:ident $type:ty, $case:ident ()) => {{
        let _ = $payload;
        return Ok(Self::$case);
    }};
    (@take $payload:ident $type:ty, $case:ident ($one:ident)) => { return Ok(Self::$case(Word::take($payload)?)) };
    (@take $payload:ident $type:ty, $case:ident ($one:ident $two:ident)) => {{
        let ($one, $two) = Word::take($payload)?;
        return Ok(Self::$case($one, $two));
    }};
    (@take $payload:ident $type:ty, $case:ident { $($field:ident)* }) => {{
        let mut fields = Fields::of($payload, stringify!($type))?;
        return Ok(Self::$case { $($field: fields.take(stringify!($field))?),* });
    }};
    (@take $payload:ident $type:ty, $case:ident [ $($field:ident)* ]) => {{
        let mut fields = Fields::of($payload, stringify!($type))?;
        return Ok(Self::$case($(fields.take(stringify!($field))?),*));
    }};
}
pub(crate) use variant;

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Word for $number {
            fn put(&self, to: &mut Pack<'_>) {
                to.uint((*self).into());
            }
            fn take(from: Value) -> Result<Self, Unlike> {
                match from {
                    Value::Uint(value) => value.try_into().map_err(|_| Unlike(stringify!($number))),
                    _ => Err(Unlike(stringify!($number))),
                }
            }
        }
    )*};
}

numbers!(u8, u16, u32, u64);

impl Word for i32 {
    fn put(&self, to: &mut Pack<'_>) {
        to.int((*self).into());
    }
    fn take(from: Value) -> Result<Self, Unlike> {
        i64::take(from)?.try_into().map_err(|_| Unlike("i32"))
    }
}

impl Word for i64 {
    fn put(&self, to: &mut Pack<'_>) {
        to.int(*self);
    }
    fn take(from: Value) -> Result<Self, Unlike> {
        match from {
            Value::Uint(value) => value.try_into().map_err(|_| Unlike("i64")),
            Value::Int(value) => Ok(value),
            _ => Err(Unlike("i64")),
        }
    }
}

impl Word for f32 {
    fn put(&self, to: &mut Pack<'_>) {
        to.float((*self).into());
    }
    fn take(from: Value) -> Result<Self, Unlike> {
        match from {
            Value::Float(value) => Ok(value as Self),
            _ => Err(Unlike("f32")),
        }
    }
}

impl Word for bool {
    fn put(&self, to: &mut Pack<'_>) {
        to.bool(*self);
    }
    fn take(from: Value) -> Result<Self, Unlike> {
        match from {
            Value::Bool(value) => Ok(value),
            _ => Err(Unlike("bool")),
        }
    }
}

impl Word for String {
    fn put(&self, to: &mut Pack<'_>) {
        to.text(self);
    }
    fn take(from: Value) -> Result<Self, Unlike> {
        match from {
            Value::Text(text) => Ok(text),
            _ => Err(Unlike("string")),
        }
    }
}

impl Word for Arc<[u8]> {
    fn put(&self, to: &mut Pack<'_>) {
        to.bytes(self);
    }
    fn take(from: Value) -> Result<Self, Unlike> {
        match from {
            Value::Bytes(bytes) => Ok(bytes.into()),
            _ => Err(Unlike("list<u8>")),
        }
    }
}

impl Word for Timestamp {
    fn put(&self, to: &mut Pack<'_>) {
        to.uint(self.0);
    }
    fn take(from: Value) -> Result<Self, Unlike> {
        u64::take(from).map(Self)
    }
}

impl Word for () {
    fn put(&self, to: &mut Pack<'_>) {
        to.nothing();
    }
    fn take(_: Value) -> Result<Self, Unlike> {
        Ok(())
    }
}

impl<T: Word> Word for Option<T> {
    fn put(&self, to: &mut Pack<'_>) {
        match self {
            None => to.nothing(),
            Some(value) => value.put(to),
        }
    }
    fn take(from: Value) -> Result<Self, Unlike> {
        match from {
            Value::Nothing => Ok(None),
            value => T::take(value).map(Some),
        }
    }
}

impl<T: Word> Word for Box<T> {
    fn put(&self, to: &mut Pack<'_>) {
        T::put(self, to);
    }
    fn take(from: Value) -> Result<Self, Unlike> {
        T::take(from).map(Box::new)
    }
}

impl<T: Word> Word for Vec<T> {
    fn put(&self, to: &mut Pack<'_>) {
        to.list(self.len());
        self.iter().for_each(|item| item.put(to));
    }
    fn take(from: Value) -> Result<Self, Unlike> {
        match from {
            Value::List(items) => items.into_iter().map(T::take).collect(),
            _ => Err(Unlike("list")),
        }
    }
}

impl<A: Word, B: Word> Word for (A, B) {
    fn put(&self, to: &mut Pack<'_>) {
        to.list(2);
        self.0.put(to);
        self.1.put(to);
    }
    fn take(from: Value) -> Result<Self, Unlike> {
        let Value::List(items) = from else { return Err(Unlike("tuple")) };
        let [one, two] = <[Value; 2]>::try_from(items).map_err(|_| Unlike("tuple"))?;
        Ok((A::take(one)?, B::take(two)?))
    }
}

impl<T: Word, E: Word> Word for Result<T, E> {
    fn put(&self, to: &mut Pack<'_>) {
        to.map(1);
        match self {
            Ok(value) => {
                to.key("Ok");
                value.put(to);
            }
            Err(error) => {
                to.key("Err");
                error.put(to);
            }
        }
    }
    fn take(from: Value) -> Result<Self, Unlike> {
        let (case, payload) = case(from, "result")?;
        match case.as_str() {
            "Ok" => T::take(payload).map(Ok),
            "Err" => E::take(payload).map(Err),
            _ => Err(Unlike("result")),
        }
    }
}

macro_rules! names {
    ($($name:ident),*) => {$(
        impl Word for $name {
            fn put(&self, to: &mut Pack<'_>) {
                to.text(self.as_str());
            }
            fn take(from: Value) -> Result<Self, Unlike> {
                String::take(from).map(Self::from)
            }
        }
    )*};
}

names!(ChannelName, AgentName);

/// Ids are texts to a plugin.
macro_rules! ids {
    ($($id:ident),*) => {$(
        impl Word for $id {
            fn put(&self, to: &mut Pack<'_>) {
                to.text(&self.to_string());
            }
            fn take(from: Value) -> Result<Self, Unlike> {
                String::take(from)?.parse().map_err(|_| Unlike(stringify!($id)))
            }
        }
    )*};
}

ids!(ConversationId, ContactId, OutgoingId);

#[cfg(test)]
mod tests;
