//! Taking a package: its bytes, or where a registry has it.
use super::super::ApiState;
use super::super::auth::Caller;
use super::super::input::{Json, Query, read_body};
use super::super::problem::{Kind, Problem};
use super::view::InstalledView;
use super::{MAX_PACKAGE, actor};
use axum::extract::{FromRequest, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use data_encoding::BASE64;
use serde::Deserialize;
use tributary_fleet::{DEFAULT_SHARE, InstallOptions, Rollout, oci};
use tributary_model::Place;
use utoipa::{IntoParams, ToSchema};

/// The header with the package's signature: base64 of the text of its `.minisig` file, which has four lines.
const SIGNATURE: &str = "tributary-signature";

/// A signature file is a few hundred bytes.
const MAX_SIGNATURE: usize = 8 * 1024;

/// How to install.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct InstallQuery {
    /// `at-once`, `shadow` or `canary`; as the configuration says unless given.
    rollout: Option<String>,
    /// For a canary: for how many of a hundred conversations it acts, 1 to 99; 10 unless given.
    #[param(minimum = 1, maximum = 99)]
    share: Option<u8>,
    /// Only in these places, with commas between them: `channel/email,policy/policy-triage`. In all that the plugin fills
    /// unless given.
    places: Option<String>,
    /// `true`: it may have what it asks for beyond what `tributary.lock` grants, as far as the configuration allows it.
    #[serde(default)]
    accept_grants: bool,
    /// `true`: it may be older than what `tributary.lock` names.
    #[serde(default)]
    allow_downgrade: bool,
    /// `true`: another trusted signer than the one in `tributary.lock` may have signed it.
    #[serde(default)]
    accept_signer: bool,
}

impl InstallQuery {
    fn options(self) -> Result<InstallOptions, Problem> {
        let rollout = match (self.rollout.as_deref(), self.share) {
            (None, None) => None,
            (Some("at-once"), None) => Some(Rollout::AtOnce),
            (Some("shadow"), None) => Some(Rollout::Shadow),
            (Some("canary"), share) => match share.unwrap_or(DEFAULT_SHARE) {
                share @ 1..=99 => Some(Rollout::Canary(share)),
                share => return Err(Problem::invalid(format!("share is 1 to 99, not {share}"))),
            },
            (Some("at-once" | "shadow") | None, Some(_)) => {
                return Err(Problem::invalid("share is a canary's: send rollout=canary with it"));
            }
            (Some(_), _) => return Err(Problem::invalid("rollout is at-once, shadow or canary")),
        };
        let texts = self.places.as_deref().unwrap_or_default().split(',').filter(|text| !text.is_empty());
        let places: Result<Vec<Place>, Problem> =
            texts.map(|text| Place::parse(text).ok_or_else(|| Problem::unknown("place", text))).collect();
        Ok(InstallOptions {
            rollout,
            places: places?,
            accept_grants: self.accept_grants,
            allow_downgrade: self.allow_downgrade,
            accept_signer: self.accept_signer,
        })
    }
}

/// Where a registry has the package.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"source": "oci://registry.example/plugins/channel-email:1.2.0"}))]
pub(crate) struct InstallFrom {
    /// `oci://HOST[:PORT]/NAME:TAG` or `…@sha256:DIGEST`.
    source: String,
}

/// Install a package
///
/// The package itself as `application/wasm`, 64 MiB at most, with base64 of its `.minisig` file in the header
/// `Tributary-Signature`; or as JSON where a registry has it. It is verified, loaded and put in use, or tried, in every place
/// that its plugin fills. What is refused has changed nothing.
#[utoipa::path(post, path = "/api/v1/plugins", operation_id = "install_plugin", tag = "plugins",
    params(InstallQuery, ("tributary-signature" = Option<String>, Header, description = "base64 of the text of the package's `.minisig` file")),
    request_body(content((Vec<u8> = "application/wasm"), (InstallFrom = "application/json")), description = "The package, or where it is"),
    responses((status = 201, description = "What happened in each place", body = InstalledView), (status = 502, description = "The registry did not give it")))]
pub(crate) async fn install(
    State(state): State<ApiState>,
    caller: Caller,
    Query(query): Query<InstallQuery>,
    request: Request,
) -> Result<(StatusCode, axum::Json<InstalledView>), Problem> {
    let options = query.options()?;
    let signature = signature(request.headers())?;
    let kind = media_type(request.headers());
    let by = actor(&caller);
    let fleet = state.fleet();
    let installed = match kind.as_str() {
        "application/wasm" => {
            let package = read_body(request.into_body(), MAX_PACKAGE).await?;
            fleet.install(package.into(), signature, options, &by).await?
        }
        "application/json" => {
            let Json(InstallFrom { source }) = Json::from_request(request, &()).await?;
            if !oci::is_address(&source) {
                return Err(Problem::invalid("source begins with oci://"));
            }
            fleet.install_from(&source, options, &by).await?
        }
        _ => {
            let what = "the body is application/wasm, or application/json with a source";
            return Err(Problem::new(Kind::UnsupportedMediaType, what));
        }
    };
    Ok((StatusCode::CREATED, axum::Json(installed.into())))
}

fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn signature(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(SIGNATURE) else { return Ok(None) };
    let bad = || Problem::new(Kind::BadRequest, "Tributary-Signature is base64 of the text of a .minisig file");
    let bytes = BASE64.decode(value.as_bytes()).map_err(|_| bad())?;
    if bytes.len() > MAX_SIGNATURE {
        return Err(bad());
    }
    String::from_utf8(bytes).map(Some).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(rollout: Option<&str>, share: Option<u8>, places: Option<&str>) -> InstallQuery {
        InstallQuery {
            rollout: rollout.map(str::to_owned),
            share,
            places: places.map(str::to_owned),
            accept_grants: false,
            allow_downgrade: false,
            accept_signer: false,
        }
    }

    #[test]
    fn a_rollout_is_one_of_three_and_only_a_canary_has_a_share() {
        for (rollout, share, expected) in [
            (None, None, Some(None)),
            (Some("at-once"), None, Some(Some(Rollout::AtOnce))),
            (Some("shadow"), None, Some(Some(Rollout::Shadow))),
            (Some("canary"), None, Some(Some(Rollout::Canary(10)))),
            (Some("canary"), Some(99), Some(Some(Rollout::Canary(99)))),
            (Some("canary"), Some(0), None),
            (Some("canary"), Some(100), None),
            (Some("shadow"), Some(5), None),
            (None, Some(5), None),
            (Some("slowly"), None, None),
        ] {
            let options = query(rollout, share, None).options();
            assert_eq!(options.ok().map(|options| options.rollout), expected, "{rollout:?} {share:?}");
        }
    }

    #[test]
    fn places_are_a_list_and_each_is_one() {
        let places = |text: &str| query(None, None, Some(text)).options().map(|options| options.places).ok();
        let (email, triage) = (Place::Channel("email".into()), Place::Policy("policy-triage".into()));
        assert_eq!(places("channel/email,policy/policy-triage"), Some(vec![email, triage]));
        assert_eq!(places(""), Some(Vec::new()));
        assert_eq!(places("email"), None);
    }

    #[test]
    fn a_signature_keeps_its_lines() {
        let text = "untrusted comment: x\nRUQ=\ntrusted comment: y\nabc=\n";
        let mut headers = HeaderMap::new();
        headers.insert(SIGNATURE, BASE64.encode(text.as_bytes()).parse().unwrap());
        assert_eq!(signature(&headers).unwrap().as_deref(), Some(text));
        headers.insert(SIGNATURE, "untrusted comment".parse().unwrap());
        assert!(signature(&headers).is_err());
        assert_eq!(signature(&HeaderMap::new()).unwrap(), None);
    }
}
