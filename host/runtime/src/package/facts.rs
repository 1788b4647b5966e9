//! What can be told of a component without running it: what it costs to keep, and what it was made with.
use std::fmt;
use wasmparser::{CustomSectionReader, KnownCustom, Payload};

/// Entries of the producers' section that are kept.
const PRODUCERS: usize = 64;
/// Characters of a producer's name or version that are kept.
const TEXT: usize = 80;

/// What a component costs, as far as its file tells: what it allocates while it runs is not in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Costs {
    /// Bytes of the file.
    pub size: usize,
    /// Core modules in it, at any depth.
    pub modules: u32,
    /// Components in it, at any depth, itself not counted.
    pub components: u32,
    /// Bytes of code of all core modules.
    pub code: u64,
    /// Bytes of data of all core modules: what an instance's memory starts with.
    pub data: u64,
    /// Memories that are declared.
    pub memories: u32,
    /// Bytes that these memories have at the start.
    pub memory: u64,
    /// Tables that are declared.
    pub tables: u32,
    /// Elements that these tables have at the start.
    pub elements: u64,
}

impl Costs {
    pub(super) fn add(&mut self, payload: &Payload<'_>) {
        match payload {
            Payload::ModuleSection { .. } => self.modules += 1,
            Payload::ComponentSection { .. } => self.components += 1,
            Payload::CodeSectionStart { size, .. } => self.code += u64::from(*size),
            Payload::DataSection(section) => {
                let range = section.range();
                self.data += range.end - range.start;
            }
            Payload::MemorySection(section) => {
                for memory in section.clone().into_iter().flatten() {
                    let page = 1u64.checked_shl(memory.page_size_log2.unwrap_or(16)).unwrap_or(u64::MAX);
                    self.memories += 1;
                    self.memory = self.memory.saturating_add(memory.initial.saturating_mul(page));
                }
            }
            Payload::TableSection(section) => {
                for table in section.clone().into_iter().flatten() {
                    self.tables += 1;
                    self.elements = self.elements.saturating_add(table.ty.initial);
                }
            }
            _ => {}
        }
    }
}

impl fmt::Display for Costs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, modules, components: _, code, data, memories, memory, tables, elements } = self;
        write!(
            f,
            "{size} bytes; {modules} core modules with {code} bytes of code and {data} of data; \
             {memories} memories of {memory} bytes and {tables} tables of {elements} elements at the start"
        )
    }
}

/// One thing a component was made with, by its producers' section. Its author's tools wrote it: nothing proves it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Producer {
    /// `language`, `processed-by` or `sdk`.
    pub field: String,
    /// Such as `Rust`.
    pub name: String,
    /// Such as `1.95.0`; may be empty.
    pub version: String,
}

impl fmt::Display for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.name)?;
        if self.version.is_empty() { Ok(()) } else { write!(f, " {}", self.version) }
    }
}

/// Adds what a producers' section says. One that cannot be read says nothing: it changes nothing of what the component is.
pub(super) fn producers(section: &CustomSectionReader<'_>, into: &mut Vec<Producer>) {
    let KnownCustom::Producers(fields) = section.as_known() else { return };
    for field in fields.into_iter().flatten() {
        for value in field.values.into_iter().flatten() {
            let producer =
                Producer { field: plain(field.name), name: plain(value.name), version: plain(value.version) };
            if into.len() < PRODUCERS && !into.contains(&producer) {
                into.push(producer);
            }
        }
    }
}

/// A text for people's terminals: short, and without control characters.
fn plain(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(TEXT).collect()
}
