//! The OpenAPI document, made from the handlers: their paths, parameters and shapes; security, errors and the idempotency
//! header are added from the route table, so that no handler can forget them.
use super::problem::ProblemView;
use super::{
    agents, approvals, channels, contacts, conversations, knowledge, orders, parked, plugins, queue, routes, status,
    surveys, tokens, write,
};
use axum::Json;
use axum::http::Method;
use utoipa::openapi::path::{HttpMethod, Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, ObjectBuilder, Ref, RefOr, Required, Response, ResponseBuilder, Type};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tributary",
        description = "Every customer conversation of a shop in one durable queue.\n\nErrors are RFC 9457 problems. \
            Lists are pages: give `next` back as `cursor`. Times are RFC 3339 in UTC. A POST with an `Idempotency-Key` \
            is carried out at most once; its answer is given again for 24 hours.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    tags(
        (name = "queue", description = "What waits, and taking the next"),
        (name = "conversations", description = "Reading and working on one customer's matter"),
        (name = "orders", description = "How orders stand, and what is done to them"),
        (name = "channels", description = "Where messages come from and go to; trying a channel, handing documents over"),
        (name = "contacts", description = "Who is who: handles, orders, joins with their reasons, suggestions"),
        (name = "knowledge", description = "The articles that the desk answers from; what was asked of them"),
        (name = "agents", description = "Teams, skills, room, presence"),
        (name = "surveys", description = "What customers say of the service, added up"),
        (name = "parked", description = "What could not be handled: kept, shown, replayed"),
        (name = "plugins", description = "Which version of which plugin acts where; trying, swapping, going back"),
        (name = "tokens", description = "Who may do what"),
        (name = "status", description = "Live events, counts, health")
    ),
    paths(
        queue::list,
        queue::claim,
        conversations::list,
        conversations::show,
        conversations::attachment,
        conversations::claim,
        conversations::heartbeat,
        conversations::reply,
        conversations::note,
        conversations::release,
        conversations::transfer,
        conversations::snooze,
        conversations::close,
        conversations::reopen,
        orders::perform,
        orders::refresh,
        approvals::list,
        approvals::approve,
        approvals::decline,
        conversations::typing,
        conversations::seen,
        channels::list,
        channels::samples,
        channels::take,
        contacts::find,
        contacts::show,
        contacts::join,
        contacts::undo,
        contacts::suggestions,
        contacts::accept,
        contacts::dismiss,
        knowledge::list,
        knowledge::show,
        knowledge::write,
        knowledge::retire,
        knowledge::search,
        knowledge::questions,
        agents::list,
        agents::set,
        agents::remove,
        agents::presence,
        agents::why,
        surveys::ratings,
        surveys::remarks,
        parked::list,
        parked::show,
        parked::raw,
        parked::replay,
        plugins::list,
        plugins::install::install,
        plugins::remove,
        plugins::show,
        plugins::enable,
        plugins::disable,
        plugins::rollback,
        plugins::promote,
        plugins::differences,
        tokens::list,
        tokens::create,
        tokens::revoke,
        crate::events::follow,
        status::stats,
        status::healthz,
        status::readyz,
        status::metrics,
        serve,
    ),
    components(schemas(ProblemView)),
    modifiers(&House)
)]
struct Document;

/// The OpenAPI document of every route.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// This document
///
/// OpenAPI 3.1.
#[utoipa::path(get, path = "/api/v1/openapi.json", operation_id = "openapi", tag = "status",
    responses((status = 200, description = "The document", body = Object, content_type = "application/json")))]
pub(crate) async fn serve() -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}

/// The security scheme's name in the document.
const SCHEME: &str = "token";

struct House;

impl Modify for House {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.description =
            Some("`trb_…`, as `tributary token create` prints it. Scopes: read, agent, admin.".to_owned());
        api.components.get_or_insert_with(Default::default).add_security_scheme(SCHEME, SecurityScheme::Http(scheme));
        for route in routes() {
            let method = match route.method {
                Method::POST => HttpMethod::Post,
                Method::DELETE => HttpMethod::Delete,
                _ => HttpMethod::Get,
            };
            let item = api.paths.paths.get_mut(route.path);
            let Some(operation) = item.and_then(|item| operation(item, &method)) else { continue };
            if let Some(scope) = route.scope {
                operation.security = Some(vec![SecurityRequirement::new(SCHEME, [scope.as_str()])]);
                error(operation, "401", "No token, or one that is not in use");
                error(operation, "403", &format!("The token's scope is less than {}", scope.as_str()));
            }
            if route.path.contains('{') {
                error(operation, "404", "There is none of this id");
            }
            if route.method == Method::POST {
                operation.parameters.get_or_insert_with(Vec::new).push(RefOr::T(idempotency_key()));
                error(operation, "400", "The body cannot be read");
                error(operation, "409", "Refused as things stand: `type` says why");
                error(operation, "422", "A value is out of range, or the idempotency key belongs to another request");
            } else if route.method == Method::DELETE {
                if route.path.contains("tokens") {
                    error(operation, "422", "It would leave nobody who may make tokens");
                } else {
                    error(operation, "409", "Refused as things stand: `type` says why");
                }
            } else if operation.parameters.iter().flatten().any(in_query) {
                error(operation, "400", "The query string cannot be read");
            }
            error(operation, "503", "Too busy, starting or stopping: try again after `Retry-After` seconds");
        }
    }
}

fn operation<'a>(item: &'a mut utoipa::openapi::PathItem, method: &HttpMethod) -> Option<&'a mut Operation> {
    match method {
        HttpMethod::Post => item.post.as_mut(),
        HttpMethod::Delete => item.delete.as_mut(),
        _ => item.get.as_mut(),
    }
}

fn in_query(parameter: &RefOr<Parameter>) -> bool {
    matches!(parameter, RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query)
}

fn error(operation: &mut Operation, status: &str, description: &str) {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let response: Response =
        ResponseBuilder::new().description(description).content("application/problem+json", content).build();
    operation.responses.responses.entry(status.to_owned()).or_insert(RefOr::T(response));
}

fn idempotency_key() -> Parameter {
    ParameterBuilder::new()
        .name(write::IDEMPOTENCY_KEY)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("Names this request for 24 hours: 1 to 255 visible ASCII characters, best a UUID"))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).max_length(Some(255)).min_length(Some(1))))
        .build()
}
