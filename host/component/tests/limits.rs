//! Each limit: what is within it passes, and what is above it is refused.

use portcullis_component::{ComponentError, check, limits};

/// The component that this text describes.
fn component(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// A component that contains `parts`, and exports the connector. That is an instance which is
/// first, so that it needs no name: names would be a section behind all others.
fn plugin(parts: &str) -> Vec<u8> {
    component(&format!(
        r#"(component (instance) {parts}
             (export "portcullis:datasource/connector@0.1.0" (instance 0)))"#
    ))
}

/// A plugin with a core module that contains `parts`.
fn module(parts: &str) -> Vec<u8> {
    plugin(&format!("(core module {parts})"))
}

/// A plugin with one function with this body.
fn function(body: &str) -> Vec<u8> {
    module(&format!("(memory 1) (func $f {body})"))
}

/// Checks that `within` passes, and that `above` is refused because of `limit`.
fn assert_limit(limit: limits::Limit, within: &[u8], above: &[u8]) {
    assert!(check(within).is_ok(), "{:?}", check(within));
    match check(above) {
        Err(ComponentError::TooExpensive { what, found, max, .. }) => {
            assert_eq!((what, max), (limit.what, limit.max));
            assert!(found > max, "{found}");
        }
        other => panic!("{other:?} instead of {}", limit.what),
    }
}

/// `limit` copies of `part`, and one more.
fn assert_count(
    limit: limits::Limit,
    around: impl Fn(&str) -> Vec<u8>,
    part: impl Fn(u64) -> String,
) {
    let parts = |count| (0..count).map(&part).collect::<String>();
    assert_limit(limit, &around(&parts(limit.max)), &around(&parts(limit.max + 1)));
}

#[test]
fn text_and_modules_are_not_components() {
    assert!(matches!(check(b""), Err(ComponentError::NotWebAssembly)));
    assert!(matches!(check(b"GET / HTTP/1.1"), Err(ComponentError::NotWebAssembly)));
    assert!(matches!(check(b"\0asm\x01\0\0\0"), Err(ComponentError::CoreModule)));
}

#[test]
fn a_truncated_component_is_refused_at_every_length() {
    let bytes = plugin("(core module (func (export \"f\")))");
    assert!(check(&bytes).is_ok());
    for length in 0..bytes.len() {
        assert!(check(&bytes[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn bytes_behind_a_component_are_refused_with_their_offset() {
    let mut bytes = plugin("");
    let end = bytes.len() as u64;
    bytes.push(0x7f);
    match check(&bytes) {
        Err(ComponentError::Invalid { offset, .. }) => assert!(offset >= end, "{offset}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn instance_types_nested_641_levels_deep_are_refused() {
    // In the parser of wasmtime 48 they overflow the stack.
    let mut section = vec![1];
    section.extend([0x42, 1, 1].repeat(641));
    section.push(0x7f);
    let mut bytes = b"\0asm\x0d\0\x01\0\x07".to_vec();
    // The size of the section, in two bytes.
    bytes.extend([section.len() as u8 & 0x7f | 0x80, (section.len() >> 7) as u8]);
    bytes.extend(section);
    let error = check(&bytes).unwrap_err().to_string();
    assert!(error.contains("nesting is too deep"), "{error}");
}

#[test]
fn features_that_the_host_does_not_support_are_refused() {
    for parts in
        ["(memory 1 1 shared)", "(tag)", "(type (struct (field i32)))", "(func (param externref))"]
    {
        assert!(matches!(check(&module(parts)), Err(ComponentError::Invalid { .. })), "{parts}");
    }
    let async_type = plugin("(type (func async))");
    assert!(matches!(check(&async_type), Err(ComponentError::Invalid { .. })));
}

#[test]
fn types_are_limited() {
    let nested = |levels: u64| {
        let levels = levels as usize;
        plugin(
            &format!("(type {} {})", "(instance (type ".repeat(levels), "))".repeat(levels))
                .replace(" )", " u8)"),
        )
    };
    let max = limits::TYPE_NESTING.max;
    assert_limit(limits::TYPE_NESTING, &nested(max), &nested(max + 1));

    let chain = |levels: u64| {
        let mut parts = "(type $t1 (list u8))".to_string();
        for level in 2..levels {
            let next = format!("(type $t{level} (list $t{}))", level - 1);
            parts.push_str(&next);
        }
        plugin(&parts)
    };
    let max = limits::TYPE_DEPTH.max;
    assert_limit(limits::TYPE_DEPTH, &chain(max), &chain(max + 1));
}

#[test]
fn nested_components_are_limited() {
    let nested = |levels: u64| {
        let levels = levels as usize - 1;
        plugin(&format!("{}{}", "(component ".repeat(levels), ")".repeat(levels)))
    };
    let max = limits::NESTING.max;
    assert_limit(limits::NESTING, &nested(max), &nested(max + 1));
    assert_count(limits::NESTED, plugin, |_| "(core module)".to_string());
}

#[test]
fn expansion_is_limited() {
    // Each component instantiates the previous one ten times.
    let components = |levels: u64| {
        let mut parts = "(component $c0)".to_string();
        for level in 1..=levels {
            let previous = level - 1;
            let instances = "(instance (instantiate $p))".repeat(10);
            let next = format!(
                "(component $c{level} (alias outer 1 $c{previous} (component $p)) {instances})"
            );
            parts.push_str(&next);
        }
        plugin(&format!("{parts} (instance (instantiate $c{levels}))"))
    };
    assert_limit(limits::EXPANSION, &components(3), &components(5));

    // Each instance contains the previous one twice.
    let instances = |levels: u64| {
        let mut parts = "(instance $i0)".to_string();
        for level in 1..=levels {
            let inner = format!("(instance $i{})", level - 1);
            let next =
                format!("(instance $i{level} (export \"a\" {inner}) (export \"b\" {inner}))");
            parts.push_str(&next);
        }
        plugin(&parts)
    };
    assert_limit(limits::EXPANSION, &instances(12), &instances(18));

    // Each type contains the previous one twice.
    let types = |levels: u64| {
        let mut parts = "(type $t0 (tuple u8 u8))".to_string();
        for level in 1..=levels {
            let next = format!("(type $t{level} (tuple $t{0} $t{0}))", level - 1);
            parts.push_str(&next);
        }
        plugin(&format!(
            "{parts} (component (import \"f\" (func $f (param \"a\" (tuple u8)))))
             (type $f (func (param \"a\" $t{levels}))) (core module $m
             (func (export \"f\") (param i32)) (memory (export \"m\") 1)
             (func (export \"r\") (param i32 i32 i32 i32) (result i32) unreachable))
             (core instance $i (instantiate $m)) (alias core export $i \"m\" (core memory $mem))
             (alias core export $i \"f\" (core func $g)) (alias core export $i \"r\" (core func $r))
             (func (type $f) (canon lift (core func $g) (memory $mem) (realloc $r)))"
        ))
    };
    assert_limit(limits::EXPANSION, &types(12), &types(17));
}

#[test]
fn components_that_are_passed_around_are_refused() {
    for parts in [
        "(component (import \"c\" (component)))",
        "(component (import \"m\" (core module)))",
        "(component $c) (export \"c\" (component $c))",
        "(component $c) (component $d) (instance (instantiate $d (with \"c\" (component $c))))",
        "(component $c) (instance (export \"c\" (component $c)))",
    ] {
        let error = check(&plugin(parts)).unwrap_err().to_string();
        assert!(error.contains("a component or a core module"), "{error}");
    }
}

#[test]
fn instances_are_limited() {
    // The connector is an instance too.
    let instances = |count: u64| plugin(&"(instance)".repeat(count as usize - 1));
    let max = limits::INSTANCES.max;
    assert_limit(limits::INSTANCES, &instances(max), &instances(max + 1));
}

#[test]
fn declarations_of_core_modules_are_limited() {
    assert_count(limits::CORE_TYPES, module, |_| "(type (func))".to_string());
    assert_count(
        limits::PARAMETERS,
        |parts| module(&format!("(type (func {parts}))")),
        |_| "(param i32)".to_string(),
    );
    assert_count(
        limits::RESULTS,
        |parts| module(&format!("(type (func {parts}))")),
        |_| "(result i32)".to_string(),
    );
    assert_count(limits::CORE_IMPORTS, module, |index| {
        format!("(import \"\" \"{index}\" (global i32))")
    });
    assert_count(
        limits::CORE_EXPORTS,
        |parts| module(&format!("(func $f) {parts}")),
        |index| format!("(export \"{index}\" (func $f))"),
    );
    assert_count(limits::GLOBALS, module, |_| "(global i32 (i32.const 1))".to_string());
    assert_count(limits::TABLES, module, |_| "(table 1 funcref)".to_string());
    assert_count(limits::MEMORIES, module, |_| "(memory 1)".to_string());
    assert_limit(
        limits::TABLE_ENTRIES,
        &module("(table 100000 funcref)"),
        &module("(table 100001 funcref)"),
    );
}

#[test]
fn segments_are_limited() {
    let with_table = |parts: &str| module(&format!("(table 9 funcref) (func $f) {parts}"));
    assert_count(limits::ELEMENT_SEGMENTS, with_table, |_| {
        "(elem (i32.const 0) func $f)".to_string()
    });
    let functions = |parts: &str| with_table(&format!("(elem func {parts})"));
    assert_count(limits::ELEMENTS, functions, |_| " $f".to_string());
    let expressions = |parts: &str| with_table(&format!("(elem funcref {parts})"));
    assert_count(limits::ELEMENT_EXPRESSIONS, expressions, |_| "(ref.func $f)".to_string());

    let with_memory = |parts: &str| module(&format!("(memory 1) {parts}"));
    assert_count(limits::DATA_SEGMENTS, with_memory, |_| "(data (i32.const 0) \"a\")".to_string());
    let with_import = |parts: &str| module(&format!("(import \"\" \"\" (memory 1)) {parts}"));
    assert_count(limits::DYNAMIC_SEGMENTS, with_import, |_| {
        "(data (i32.const 0) \"a\")".to_string()
    });
    let sparse = |modules: usize| {
        let sparse = "(core module (memory 255) (data (i32.const 0) \"a\") \
             (data (i32.const 16000000) \"b\"))";
        plugin(&sparse.repeat(modules))
    };
    assert_limit(limits::IMAGE_BYTES, &sparse(2), &sparse(3));
    let constant = |parts: &str| module(&format!("(global i32 i32.const 1 {parts})"));
    // One constant, the end, and two instructions for each addition.
    let additions = limits::CONSTANT_OPERATORS.max as usize / 2 - 1;
    let addition = "i32.const 1 i32.add ";
    assert_limit(
        limits::CONSTANT_OPERATORS,
        &constant(&addition.repeat(additions)),
        &constant(&addition.repeat(additions + 1)),
    );
}

#[test]
fn functions_are_limited() {
    assert_count(limits::FUNCTION_LOCALS, function, |_| "(local i32)".to_string());
    // The body of a function is a block.
    let nested = |begin: &str, levels: u64| {
        function(&format!("{} {}", begin.repeat(levels as usize), "end ".repeat(levels as usize)))
    };
    let max = limits::BLOCK_DEPTH.max;
    assert_limit(limits::BLOCK_DEPTH, &nested("block ", max - 1), &nested("block ", max));
    let max = limits::LOOP_DEPTH.max;
    assert_limit(limits::LOOP_DEPTH, &nested("loop ", max), &nested("loop ", max + 1));
    assert_count(limits::FUNCTION_LOOPS, function, |_| "loop end ".to_string());
    // A constant and a drop are 19 bytes. There are no local variables (1 byte), and the end (1
    // byte).
    let bytes = |count: usize| {
        let constants = "v128.const i64x2 1 1 drop ".repeat(count / 19);
        function(&format!("{constants} {}", "nop ".repeat(count % 19)))
    };
    let max = limits::FUNCTION_BYTES.max as usize - 2;
    assert_limit(limits::FUNCTION_BYTES, &bytes(max), &bytes(max + 1));
}

#[test]
fn variables_that_differ_on_many_paths_are_limited() {
    // Every variable is set within blocks that may be left before. 500 levels do not compile
    // within 2 min.
    let nested = |levels: usize| {
        let locals = "(local i32)".repeat(1000);
        let sets = (0..1000)
            .map(|local| format!("i32.const 1 local.set {local} "))
            .collect::<Vec<_>>()
            .concat();
        let blocks = "block local.get 0 br_if 0 ".repeat(levels);
        function(&format!("{locals} {blocks} {sets} {}", "end ".repeat(levels)))
    };
    assert_limit(limits::FUNCTION_MEMORY, &nested(20), &nested(500));
}

#[test]
fn the_code_of_all_functions_is_limited() {
    let empty = |count: usize| module(&"(func)".repeat(count));
    let max = (limits::CODE_MEMORY.max / 5_640) as usize;
    assert_limit(limits::CODE_MEMORY, &empty(max), &empty(max + 500));
    let loops =
        |functions: usize| module(&format!("(func {})", "loop end ".repeat(700)).repeat(functions));
    assert_limit(limits::WORK, &loops(100), &loops(500));
    // 100 variables are set in a loop that is continued from 2,000 places.
    let continued = |functions: usize| {
        let sets = (0..100)
            .map(|local| format!("i32.const 1 local.set {local} "))
            .collect::<Vec<_>>()
            .concat();
        let body = format!("loop {sets} {} end", "local.get 0 br_if 0 ".repeat(2000));
        module(&format!("(func {} {body})", "(local i32)".repeat(100)).repeat(functions))
    };
    assert_limit(limits::EDGES, &continued(20), &continued(30));
}
