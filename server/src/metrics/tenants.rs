//! What the cache of tenants' datasources counts.

use super::text::Text;
use portcullis::CacheFigures;

/// Writes the figures of the datasources that callers describe.
pub(super) fn write(figures: &CacheFigures, saved: usize, text: &mut Text) {
    text.family(
        "portcullis_tenant_datasource_lookups_total",
        "counter",
        "Calls that bring their datasource along, by whether it was kept from an earlier one.",
    );
    for (result, count) in [("hit", figures.hits), ("miss", figures.misses)] {
        text.sample("portcullis_tenant_datasource_lookups_total", &[("result", result)], count);
    }
    for (name, kind, help, value) in [
        (
            "portcullis_tenant_datasources_evicted_total",
            "counter",
            "Datasources of tenants that made room for others.",
            figures.evicted,
        ),
        (
            "portcullis_tenant_datasources",
            "gauge",
            "Datasources of tenants that are kept.",
            figures.datasources as u64,
        ),
        (
            "portcullis_tenant_datasource_bytes",
            "gauge",
            "Bytes that are counted for the datasources of tenants.",
            figures.bytes as u64,
        ),
        (
            "portcullis_tenants",
            "gauge",
            "Tenants with a datasource that is kept.",
            figures.tenants as u64,
        ),
        (
            "portcullis_saved_datasources_connected",
            "gauge",
            "Saved datasources in use.",
            saved as u64,
        ),
    ] {
        text.family(name, kind, help);
        text.sample(name, &[], value);
    }
}
