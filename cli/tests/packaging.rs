//! The files in `packaging/`.

use std::process::Command;

#[test]
fn systemd_accepts_the_unit() {
    let packaged = concat!(env!("CARGO_MANIFEST_DIR"), "/../packaging/portcullis.service");
    // The program that it starts must exist, and what is commented out must be right too.
    let unit = std::fs::read_to_string(packaged)
        .unwrap()
        .replace("/usr/local/bin/portcullis", env!("CARGO_BIN_EXE_portcullis"))
        .replace("#LoadCredential", "LoadCredential");
    assert!(unit.contains("\nLoadCredential"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.service");
    let verify = |unit: &str| {
        std::fs::write(&path, unit).unwrap();
        let output = Command::new("systemd-analyze").arg("verify").arg(&path).output();
        let output = output.expect("systemd-analyze is missing; run: SETUP=yes ./setup servers");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert_eq!(verify(&unit), "");
    let misspelt = unit.replace("DynamicUser", "DynUser");
    assert!(verify(&misspelt).contains("DynUser"), "the check finds mistakes");
}
