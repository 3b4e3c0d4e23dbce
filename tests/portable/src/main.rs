//! Writes the components that the tests in `tests/portable` run into a folder.

use portable_component::Form;
use portable_tests::{composed, with_wasi};
use std::error::Error;
use std::path::PathBuf;
use test_plugins::{ECHO, HOSTILE};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: portable-tests FOLDER")?;
    let folder = PathBuf::from(folder);
    std::fs::create_dir_all(&folder)?;
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes);
    for form in Form::ALL {
        write(&format!("{form}.wasm"), form.bytes())?;
    }
    write("hostile.wasm", &composed(HOSTILE)?)?;
    write("echo.wasm", &composed(ECHO)?)?;
    write("echo-earlier-wasi.wasm", &composed(&with_wasi(ECHO, "0.2.9")?)?)?;
    Ok(())
}
