// A guest from another toolchain: it fetches a URL with the web platform's own `fetch`.
export async function get(url) {
  const response = await fetch(url);
  return `${response.status} ${await response.text()}`;
}
