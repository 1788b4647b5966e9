//! How large a component becomes once every instance in it is made.
//!
//! A component may hold ten instances of one that holds ten instances of one, and so on: a few hundred bytes stand for
//! billions of parts, and the engine writes all of them down before it counts them. So they are counted here first, in one
//! pass over what is already known to be valid.
use super::PackageError;
use wasmparser::{
    BinaryReaderError, ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, Parser, Payload,
};

/// Parts at most: instances, aliases, functions of the boundary. Interpreters bring some thousands.
pub(super) const PARTS: u64 = 100_000;

/// A component that is being read, or a module, whose content is of no interest here.
#[derive(Default)]
struct Frame {
    is_component: bool,
    /// Its parts so far, with those of the instances in it.
    parts: u64,
    /// The parts of each component that it can make an instance of, by its index.
    components: Vec<u64>,
}

/// Refuses a component of more than [`PARTS`] parts.
pub(super) fn check(bytes: &[u8]) -> Result<(), PackageError> {
    match count(bytes).map_err(|error| PackageError::Invalid(error.to_string()))? {
        parts if parts > PARTS => Err(PackageError::Expanded { limit: PARTS }),
        _ => Ok(()),
    }
}

/// The parts of a valid component. One that comes from outside it, whose size nobody can know, counts as endless.
fn count(bytes: &[u8]) -> Result<u64, BinaryReaderError> {
    // The outermost component first; what is read now last.
    let mut frames = vec![Frame { is_component: true, ..Frame::default() }];
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ModuleSection { .. } => frames.push(Frame::default()),
            Payload::ComponentSection { .. } => frames.push(Frame { is_component: true, ..Frame::default() }),
            Payload::End(_) if frames.len() > 1 => {
                let ended = frames.pop().unwrap_or_default();
                if let (true, Some(around)) = (ended.is_component, frames.last_mut()) {
                    around.components.push(ended.parts);
                }
            }
            other => {
                if let Some((frame, around)) = frames.split_last_mut() {
                    section(other, frame, around)?;
                }
            }
        }
    }
    Ok(frames.first().map_or(0, |frame| frame.parts))
}

/// One section of a component: what it adds to its parts, and which components it makes known.
fn section(payload: Payload<'_>, frame: &mut Frame, around: &[Frame]) -> Result<(), BinaryReaderError> {
    let known = |frame: &Frame, index: u32| frame.components.get(index as usize).copied().unwrap_or(u64::MAX);
    let add = |frame: &mut Frame, parts: u64| frame.parts = frame.parts.saturating_add(parts);
    match payload {
        Payload::InstanceSection(section) => add(frame, section.count().into()),
        Payload::ComponentCanonicalSection(section) => add(frame, section.count().into()),
        Payload::ComponentInstanceSection(section) => {
            for instance in section {
                let inside = match instance? {
                    ComponentInstance::Instantiate { component_index, .. } => known(frame, component_index),
                    ComponentInstance::FromExports(_) => 0,
                };
                add(frame, inside.saturating_add(1));
            }
        }
        Payload::ComponentAliasSection(section) => {
            for alias in section {
                add(frame, 1);
                match alias? {
                    ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
                        let parts = match (count as usize).checked_sub(1) {
                            None => known(frame, index),
                            Some(up) => around.iter().rev().nth(up).map_or(u64::MAX, |outer| known(outer, index)),
                        };
                        frame.components.push(parts);
                    }
                    ComponentAlias::InstanceExport { kind: ComponentExternalKind::Component, .. } => {
                        frame.components.push(u64::MAX);
                    }
                    _ => {}
                }
            }
        }
        Payload::ComponentImportSection(section) => {
            for import in section {
                add(frame, 1);
                if matches!(import?.ty, ComponentTypeRef::Component(_)) {
                    frame.components.push(u64::MAX);
                }
            }
        }
        Payload::ComponentExportSection(section) => {
            for export in section {
                add(frame, 1);
                let export = export?;
                if export.kind == ComponentExternalKind::Component {
                    let parts = known(frame, export.index);
                    frame.components.push(parts);
                }
            }
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten instances of ten instances of … one module.
    fn wide(levels: u32) -> String {
        let mut inner = "(core module $m) (core instance (instantiate $m))".to_owned();
        for _ in 0..levels {
            inner = format!("(component $c {inner}) {}", "(instance (instantiate $c))".repeat(10));
        }
        format!("(component {inner})")
    }

    #[test]
    fn parts_are_counted_through_every_way_a_component_is_known() {
        let inner = "(component $c (core module $m) (core instance (instantiate $m)))";
        let cases = [
            ("(component)".to_owned(), 0),
            (wide(0), 1),
            (wide(1), 20),
            (wide(2), 210),
            (wide(9), 2_111_111_110),
            (wide(30), u64::MAX),
            // From around it, one and two floors up.
            (
                format!(
                    "(component {inner} (component $d (alias outer 1 $c (component $e)) (instance (instantiate $e))) (instance (instantiate $d)))"
                ),
                4,
            ),
            (
                format!(
                    "(component {inner} (component $d (component $f (alias outer 2 $c (component $e)) (instance (instantiate $e))) (instance (instantiate $f))) (instance (instantiate $d)))"
                ),
                5,
            ),
            // Under the name of an export.
            (format!("(component {inner} (export $e \"c\" (component $c)) (instance (instantiate $e)))"), 3),
            // Out of an instance, or handed in: nobody knows how large.
            (
                format!(
                    "(component (component $d {inner} (export \"c\" (component $c))) (instance $i (instantiate $d)) (alias export $i \"c\" (component $e)) (instance (instantiate $e)))"
                ),
                u64::MAX,
            ),
            ("(component (component $d (import \"c\" (component $e)) (instance (instantiate $e))))".to_owned(), 0),
            (
                format!(
                    "(component {inner} (component $d (import \"c\" (component $e)) (instance (instantiate $e))) (instance (instantiate $d (with \"c\" (component $c)))))"
                ),
                u64::MAX,
            ),
        ];
        for (text, expected) in cases {
            let bytes = wat::parse_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(count(&bytes).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_grows_beyond_the_limit_is_refused() {
        assert!(check(&wat::parse_str(wide(4)).unwrap()).is_ok());
        assert!(matches!(check(&wat::parse_str(wide(6)).unwrap()), Err(PackageError::Expanded { limit: PARTS })));
    }
}
