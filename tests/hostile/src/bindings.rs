//! The bindings of the plugin world, generated from `wit/`.

wit_bindgen::generate!({ path: "../../wit", world: "portcullis:datasource/plugin", generate_all });
