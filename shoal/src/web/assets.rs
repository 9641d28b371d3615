//! The files of the page, compiled into the binary (read from `web/dist` in
//! debug builds).

use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../web/dist"]
#[allow_missing = true]
struct Page;

/// Folders that hold nothing but files: those of a Jitsi web server, and ours.
const FOLDERS: [&str; 9] = [
    "assets",
    "libs",
    "static",
    "css",
    "images",
    "fonts",
    "lang",
    "sounds",
    ".well-known",
];
/// Files that a Jitsi web server has at the top, or below a tenant.
const FILES: [&str; 7] = [
    "config.js",
    "interface_config.js",
    "external_api.js",
    "pwa-worker.js",
    "manifest.json",
    "robots.txt",
    "favicon.ico",
];

/// A file of the page, or the page itself for the path of a room.
pub(crate) async fn serve(uri: Uri) -> Response {
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

/// Whether a path can only be a file. Room names may hold dots, so names are known by what a Jitsi web server keeps apart as
/// well: scripts of others that look there must not get a page as an answer.
fn is_file_name(path: &str) -> bool {
    let (folder, name) = path.split_once('/').unwrap_or(("", path));
    let name = name.rsplit('/').next().unwrap_or(name);
    FOLDERS.contains(&folder) || FILES.contains(&name)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_only_be_a_file_is_no_room() {
        for path in [
            "libs/external_api.min.js",
            "static/x",
            ".well-known/security.txt",
            "config.js",
            "tenant/config.js",
            "assets/index-1.js",
        ] {
            assert!(is_file_name(path), "{path}");
        }
        for path in [
            "",
            "room",
            "v1.2",
            "tenant/room",
            "config.json.js",
            "libs",
            "a/b/c",
        ] {
            assert!(!is_file_name(path), "{path}");
        }
    }
}
