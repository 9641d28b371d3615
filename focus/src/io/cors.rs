//! Cross-origin requests (Fetch §3.2): pages of other origins that embed a client of their own.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Answers preflights, and permits pages of `origins` to read answers.
pub(super) async fn answer(
    State(origins): State<Arc<[String]>>,
    request: Request,
    next: Next,
) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let permitted = origin.and_then(|origin| permitted(&origins, origin));
    let preflight = request.method() == Method::OPTIONS && permitted.is_some();
    let mut response = if preflight {
        let headers = [
            (header::ACCESS_CONTROL_ALLOW_METHODS, "POST, OPTIONS"),
            (
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                "content-type, authorization",
            ),
            (header::ACCESS_CONTROL_MAX_AGE, "7200"),
        ];
        (StatusCode::NO_CONTENT, headers).into_response()
    } else {
        next.run(request).await
    };
    if let Some(origin) = permitted {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    }
    response
}

fn permitted(origins: &[String], origin: HeaderValue) -> Option<HeaderValue> {
    if origins.iter().any(|one| one == "*") {
        return Some(HeaderValue::from_static("*"));
    }
    let written = origin.to_str().ok()?.to_owned();
    origins
        .iter()
        .any(|one| one.trim_end_matches('/').eq_ignore_ascii_case(&written))
        .then_some(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_origins_that_are_named_are_permitted() {
        let origin = || HeaderValue::from_static("https://a.example");
        let with = |origins: &[&str]| {
            let origins: Vec<_> = origins.iter().map(|one| (*one).to_owned()).collect();
            permitted(&origins, origin())
        };
        assert_eq!(with(&[]), None);
        assert_eq!(with(&["https://b.example"]), None);
        assert_eq!(with(&["https://A.example/"]), Some(origin()));
        assert_eq!(with(&["*"]), Some(HeaderValue::from_static("*")));
    }
}
