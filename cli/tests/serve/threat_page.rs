//! `docs/threat-model.md` lists the attacks on the server.

#[test]
fn threat_model_lists_every_attack_on_the_server() {
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/threat-model.md"))
            .unwrap();
    let programs = [
        include_str!("attacks.rs"),
        include_str!("../edge.rs"),
        include_str!("../availability.rs"),
        include_str!("../passed_on.rs"),
        include_str!("../records.rs"),
        include_str!("../bodies.rs"),
        include_str!("../clients.rs"),
    ];
    let lines = programs.iter().flat_map(|program| program.lines());
    let names = lines.filter_map(|line| line.strip_prefix("async fn ")?.split_once('('));
    // The row, such as f1, and the sentence.
    let is_attack = |name: &&str| {
        name.split_once('_').is_some_and(|(row, _)| {
            row.starts_with(['d', 'f']) && row.len() > 1 && row[1..].parse::<u8>().is_ok()
        })
    };
    let names: Vec<&str> = names.map(|(name, _)| name).filter(is_attack).collect();
    assert_eq!(names.len(), 24, "{names:?}");
    for name in names {
        assert!(page.contains(&format!("`{name}`")), "{name} is missing in docs/threat-model.md");
    }
}
