//! The files of the page, compiled into the binary (read from `web/dist` in
//! debug builds).

use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../web/dist"]
#[allow_missing = true]
struct Page;

/// A file of the page, or the page itself for the path of a room.
pub async fn serve(uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    if let Some(file) = Page::get(path).filter(|_| !path.is_empty()) {
        return respond(path, file);
    }
    if is_file_name(path) {
        return (StatusCode::NOT_FOUND, "There is no such file here.\n").into_response();
    }
    match Page::get("index.html") {
        Some(file) => respond("index.html", file),
        None => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The meeting page has not been built. Run `cargo xtask run`, or `npm ci && npm run build` in web/.\n",
        )
            .into_response(),
    }
}

/// Room names may hold dots, so only the folder of built files is known to
/// hold nothing but files.
fn is_file_name(path: &str) -> bool {
    path.starts_with("assets/")
}

fn respond(path: &str, file: rust_embed::EmbeddedFile) -> Response {
    // Vite puts a hash of the content into the names under assets/.
    let cache = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let mime = mime_guess::from_path(path).first_or_octet_stream();
    (
        [
            (header::CONTENT_TYPE, mime.as_ref()),
            (header::CACHE_CONTROL, cache),
        ],
        file.data,
    )
        .into_response()
}
