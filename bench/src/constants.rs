//! Values that several parts of the comparison share.

/// The access key id that all clients sign with. It is AWS's own example and opens nothing.
pub const ACCESS_KEY_ID: &str = "AKIDEXAMPLE";
/// The secret access key that belongs to [`ACCESS_KEY_ID`].
pub const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// The region that all clients sign for.
pub const REGION: &str = "eu-west-1";

/// The numbers of concurrent callers that are compared: one, then eight times as many each time.
pub const CALLERS: [u32; 4] = [1, 8, 64, 512];

/// The sizes of the `Scan` responses whose time and memory are compared, in bytes.
///
/// They range from one item to 16 MB, half the default limit for a response.
pub const RESPONSE_SIZES: [usize; 7] =
    [300, 4_000, 64_000, 250_000, 1_000_000, 4_000_000, 16_000_000];

/// The sizes of the `Scan` responses after which memory must be returned, in bytes.
pub const PEAK_SIZES: [usize; 5] = [1_000_000, 2_000_000, 4_000_000, 8_000_000, 15_000_000];

/// How many datasources are configured, but never used, when their memory is measured.
pub const IDLE_DATASOURCES: usize = 10_000;
