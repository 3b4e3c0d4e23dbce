//! Work on the bytes that a guest passes, in pieces.

use crate::measured::List;
use crate::state::PluginState;
use wasmtime::StoreContextMut;

/// Bytes that are worked on before others get their turn. To copy them takes some 100 µs, and to hash
/// them some 300 µs, or 2 ms on a processor without instructions for SHA-256.
const PIECE: usize = 512 * 1024;

/// Gives all bytes of a list to `work`, where they are in the guest's memory. `None` if the list is too
/// long for any limit. The caller limits its length before.
///
/// A large list is read in pieces, so that a guest that passes one again and again takes no more of the
/// processor than one that computes.
pub async fn read_in_pieces<T: PluginState>(
    mut store: StoreContextMut<'_, T>,
    list: &List<u8>,
    mut work: impl FnMut(&[u8]) + Send,
) -> Option<()> {
    let mut read = 0;
    loop {
        if list.len() > PIECE {
            // For each piece: others get their turn meanwhile.
            store.data_mut().wait_for_cpu().await;
        }
        let rest = &list.bytes(&store)?[read..];
        let piece = &rest[..rest.len().min(PIECE)];
        work(piece);
        read += piece.len();
        if read == list.len() {
            return Some(());
        }
    }
}
