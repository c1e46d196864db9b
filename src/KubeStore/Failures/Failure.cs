using System.Globalization;
using KubeStore.Resources;

namespace KubeStore.Failures;

/// <summary>Every way a request can fail, with the words, reason and code that clients know it by.</summary>
internal static class Failure
{
    public const string ModifiedMeanwhile = "the object has been modified; please apply your changes to the latest version and try again";

    public static StatusException NotFound(GroupResource resource, string name)
        => Of(resource, name, 404, "NotFound", $"{resource} \"{name}\" not found");

    /// <summary>There is nothing of that address at all.</summary>
    public static StatusException NoSuchResource()
        => new(new Status(404, "NotFound", "the server could not find the requested resource"));

    public static StatusException AlreadyExists(GroupResource resource, string name, bool isTerminating = false)
        => Of(resource, name, 409, "AlreadyExists", $"{(isTerminating ? "object is being deleted: " : "")}{resource} \"{name}\" already exists");

    public static StatusException NoFreeName(GroupResource resource, string name)
    {
        var status = AlreadyExists(resource, name).Status;
        return new(status with
        {
            Message = status.Message + ", the server was not able to generate a unique name for the object",
            RetryAfterSeconds = 1,
        });
    }

    public static StatusException Conflict(GroupResource resource, string name, string cause = ModifiedMeanwhile)
        => Of(resource, name, 409, "Conflict", $"Operation cannot be fulfilled on {resource} \"{name}\": {cause}");

    public static StatusException Forbidden(GroupResource resource, string name, string cause, params StatusCause[] causes)
    {
        var subject = name.Length > 0 ? $"{resource} \"{name}\"" : $"{resource}";
        var failure = Of(resource, name, 403, "Forbidden", $"{subject} is forbidden: {cause}");
        return causes.Length == 0 ? failure : new(failure.Status with { Causes = causes });
    }

    public static StatusException Invalid(string group, string kind, string name, IReadOnlyList<FieldError> errors)
    {
        var words = errors.Count == 1 ? $"{errors[0]}" : $"[{string.Join(", ", errors)}]";
        return new(new Status(422, "Invalid", $"{(group.Length > 0 ? $"{kind}.{group}" : kind)} \"{name}\" is invalid: {words}")
        {
            Name = name,
            Group = group,
            Kind = kind,
            Causes = [.. errors.Select(error => new StatusCause(error.Reason, error.Message, error.Field))],
        });
    }

    /// <summary>The query of a request has values that do not go together.</summary>
    public static StatusException InvalidOptions(string kind, params FieldError[] errors) => Invalid("meta.k8s.io", kind, "", errors);

    public static StatusException BadRequest(string message) => new(new Status(400, "BadRequest", message));

    public static StatusException Unauthorized() => new(new Status(401, "Unauthorized", "Unauthorized"));

    public static StatusException MethodNotAllowed()
        => new(new Status(405, "MethodNotAllowed", "the server does not allow this method on the requested resource"));

    public static StatusException MethodNotAllowed(GroupResource resource, string verb)
        => Of(resource, "", 405, "MethodNotAllowed", $"{verb} is not supported on resources of kind \"{resource}\"");

    public static StatusException NotAcceptable(string supported)
        => new(new Status(406, "NotAcceptable", $"only the following media types are accepted: {supported}"));

    public static StatusException UnsupportedMediaType(string accepted)
        => new(new Status(415, "UnsupportedMediaType", $"the body of the request was in an unknown format - accepted media types include: {accepted}"));

    public static StatusException Expired(string message, string continueToken = "")
        => new(new Status(410, "Expired", message) { Continue = continueToken });

    public static StatusException TooLarge(long limit)
        => new(new Status(413, "RequestEntityTooLarge", string.Create(CultureInfo.InvariantCulture, $"Request entity too large: limit is {limit}")));

    public static StatusException Timeout(string message) => new(new Status(504, "Timeout", $"Timeout: {message}"));

    public static StatusException FutureVersion(long asked, long current)
        => new(new Status(504, "Timeout", string.Create(CultureInfo.InvariantCulture, $"Timeout: Too large resource version: {asked}, current: {current}"))
        {
            Causes = [new StatusCause("ResourceVersionTooLarge", "Too large resource version")],
            RetryAfterSeconds = 1,
        });

    public static StatusException ServerTimeout(GroupResource resource, string operation, Exception cause)
        => new(
            new Status(500, "ServerTimeout", $"The {operation} operation against {resource} could not be completed at this time, please try again.")
            {
                Group = resource.Group,
                Kind = resource.Resource,
                RetryAfterSeconds = 2,
            },
            cause);

    public static StatusException Unavailable(string message) => new(new Status(503, "ServiceUnavailable", message));

    public static StatusException Internal(string message)
        => new(new Status(500, "InternalError", $"Internal error occurred: {message}") { Causes = [new StatusCause("", message)] });

    private static StatusException Of(GroupResource resource, string name, int code, string reason, string message)
        => new(new Status(code, reason, message) { Name = name, Group = resource.Group, Kind = resource.Resource });
}
