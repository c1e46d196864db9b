using KubeStore.Authz;
using KubeStore.Failures;
using KubeStore.Objects;
using KubeStore.Registry;
using KubeStore.Resources;
using Microsoft.AspNetCore.Http;

namespace KubeStore.Http;

/// <summary>How the API is served.</summary>
public sealed record KubeApiOptions
{
    /// <summary>Who a request comes from; null for nobody, which is refused. By default everybody may do everything.</summary>
    public Func<HttpContext, UserInfo?> Authenticate { get; init; } = _ => UserInfo.Program;

    /// <summary>The tokens of service accounts: known when they come, and made when they are asked for. Null for none.</summary>
    public ServiceAccountTokens? ServiceAccounts { get; init; }

    /// <summary>Whether the roles and bindings among the objects say who may do what. If not, everybody may do everything.</summary>
    public bool UsesRoles { get; init; }

    /// <summary>Whether those who do not say who they are may be heard from other machines, too. By default they are refused.</summary>
    public bool AllowsAnonymousFromAfar { get; init; }

    /// <summary>Told of what was answered with a 500 and should not have happened. By default it is logged.</summary>
    public Action<Exception>? Failed { get; init; }

    /// <summary>Told, of every request that has ended, in one line what it was: for an audit log.</summary>
    public Action<string>? Audit { get; init; }
}

/// <summary>One request of the API: who it is, what it names, what is to be done, and how the answer is written.</summary>
internal sealed class KubeHandler
{
    private readonly KubeRegistry _registry;
    private readonly KubeApiOptions _options;
    private readonly ServerDocuments _documents;
    private readonly RbacAuthorizer? _authorizer;
    private readonly Subresources _subresources;

    public KubeHandler(KubeRegistry registry, KubeApiOptions options)
    {
        _registry = registry;
        _options = options;
        _documents = new(registry);
        _authorizer = options.UsesRoles ? new(registry) : null;
        _subresources = new(registry, new AccessReviews(_authorizer, options.ServiceAccounts), options.ServiceAccounts);
    }

    public async Task HandleAsync(HttpContext http)
    {
        var responder = new Responder(http, _registry.Time);
        var user = UserInfo.Nobody;
        var who = user.Name;
        try
        {
            user = (_options.ServiceAccounts is { } accounts ? await accounts.AuthenticateAsync(http).ConfigureAwait(false) : null)
                ?? _options.Authenticate(http)
                ?? throw Failure.Unauthorized();
            who = user.Name;
            if (user.Name == UserInfo.Nobody.Name && !_options.AllowsAnonymousFromAfar && IsFromAfar(http))
            {
                throw Failure.Unauthorized();
            }

            user = await Impersonation.ApplyAsync(http.Request, user, _authorizer, http.RequestAborted).ConfigureAwait(false);
            user = user with { Judge = _authorizer };
            who = user.Name == who ? who : $"{who} as {user.Name}";
            await AnswerAsync(http, user, responder).ConfigureAwait(false);
        }
        catch (StatusException failure)
        {
            await responder.SendStatusAsync(failure.Status).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // Nobody is there any more to be told anything.
        }
        catch (OperationCanceledException)
        {
            await responder.SendStatusAsync(Failure.Timeout("request did not complete within the requested timeout").Status).ConfigureAwait(false);
        }
        catch (ObjectDisposedException) when (!http.RequestAborted.IsCancellationRequested)
        {
            // The resource, or all of the registry, has just ended.
            await responder.SendStatusAsync(Failure.Unavailable("the server is stopping").Status).ConfigureAwait(false);
        }
        catch (BadHttpRequestException wrong)
        {
            await responder.SendStatusAsync(new Status(wrong.StatusCode, wrong.StatusCode == 413 ? "RequestEntityTooLarge" : "BadRequest", wrong.Message)).ConfigureAwait(false);
        }
        catch (Exception broken) when (broken is not (IOException or ObjectDisposedException))
        {
            _options.Failed?.Invoke(broken);
            await responder.SendStatusAsync(Failure.Internal(broken.Message).Status).ConfigureAwait(false);
        }
        finally
        {
            _options.Audit?.Invoke(FormattableString.Invariant(
                $"{KubeTime.Micro(_registry.Time.GetUtcNow())} {who} {http.Request.Method} {http.Request.Path}{http.Request.QueryString} {http.Response.StatusCode}"));
        }
    }

    // A request that came by no network at all has no address.
    private static bool IsFromAfar(HttpContext http)
        => http.Connection.RemoteIpAddress is { } address && !System.Net.IPAddress.IsLoopback(address);

    private async Task AnswerAsync(HttpContext http, UserInfo user, Responder responder)
    {
        var segments = (http.Request.Path.Value ?? "").Trim('/').Split('/');
        if (KubePath.Parse(_registry.Catalog, segments) is not { } path)
        {
            await AuthorizeAsync(
                new(user, http.Request.Method.ToLowerInvariant()) { Path = http.Request.Path.Value ?? "" }, http.RequestAborted).ConfigureAwait(false);
            if (!await _documents.TrySendAsync(http, segments, responder).ConfigureAwait(false))
            {
                await responder.SendAsync(404, "404 page not found\n"u8.ToArray(), "text/plain; charset=utf-8").ConfigureAwait(false);
            }

            return;
        }

        var query = new KubeQuery(http.Request);
        var verb = path.Verb(http.Request.Method, query.Flag("watch") == true);
        await AuthorizeAsync(
            new(user, verb)
            {
                Group = path.Resource.Group,
                Resource = path.Resource.Plural,
                Subresource = path.Subresource,
                Namespace = path.Namespace,
                Name = path.Name.Length > 0 ? path.Name : NameAsked(query, verb),
            },
            http.RequestAborted).ConfigureAwait(false);
        if (!(path.Subresource.Length > 0 ? path.Resource.Subresource(path.Subresource)!.Verbs.Contains(verb) : path.Resource.Allows(verb)))
        {
            throw Failure.MethodNotAllowed();
        }

        // Something can only be made in a namespace, not in all of them.
        if (verb == "create" && path.Resource.IsNamespaced && path.Namespace.Length == 0 && path.Resource.Allows("get"))
        {
            throw Failure.NoSuchResource();
        }

        if (path.Resource.Warning.Length > 0)
        {
            responder.Warn([path.Resource.Warning]);
        }

        if (verb == "watch")
        {
            await WatchAsync(http, path, query, responder).ConfigureAwait(false);
            return;
        }

        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        deadline.CancelAfter(TimeSpan.FromSeconds(60));
        await ActAsync(http, path, verb, query, user, responder, deadline.Token).ConfigureAwait(false);
    }

    // Who lists or watches one object by its name is judged as if it asked for that.
    private static string NameAsked(KubeQuery query, string verb)
    {
        try
        {
            return verb is "list" or "watch" ? Selectors.FieldSelector.Parse(query.Text("fieldSelector")).Required("metadata.name") ?? "" : "";
        }
        catch (FormatException)
        {
            return "";
        }
    }

    private async Task AuthorizeAsync(AccessRequest request, CancellationToken cancellation)
    {
        if (_authorizer is not null && !await _authorizer.MayAsync(request, cancellation).ConfigureAwait(false))
        {
            throw request.Path.Length > 0
                ? new StatusException(new Status(403, "Forbidden", $"forbidden: {request.Refusal()}"))
                : Failure.Forbidden(new GroupResource(request.Group, request.Resource), request.Name, request.Refusal());
        }
    }

    private async Task ActAsync(
        HttpContext http, KubePath path, string verb, KubeQuery query, UserInfo user, Responder responder, CancellationToken cancellation)
    {
        var (resource, ns, name) = (path.Resource, path.Namespace, path.Name);
        if (await _subresources.TryAnswerAsync(http, path, verb, query, user, responder, cancellation).ConfigureAwait(false))
        {
            return;
        }

        switch (verb)
        {
            case "get":
                await responder.SendObjectAsync(
                    resource, await _registry.GetAsync(resource, ns, name, query.Text("resourceVersion"), cancellation).ConfigureAwait(false), 200).ConfigureAwait(false);
                break;
            case "list":
                await responder.SendListAsync(resource, await _registry.ListAsync(resource, ns, query.List(), cancellation).ConfigureAwait(false)).ConfigureAwait(false);
                break;
            case "create":
                await CreateAsync(http, path, query.Write("CreateOptions", user), responder, cancellation).ConfigureAwait(false);
                break;
            case "update":
                await UpdateAsync(http, path, query.Write("UpdateOptions", user), responder, cancellation).ConfigureAwait(false);
                break;
            case "patch":
                await PatchAsync(http, path, query, user, responder, cancellation).ConfigureAwait(false);
                break;
            case "delete":
                var result = await _registry.DeleteAsync(
                    resource, ns, name, await DeleteBody.ReadAsync(http, query, user, cancellation).ConfigureAwait(false), cancellation).ConfigureAwait(false);
                await SendDeletedAsync(resource, result, responder).ConfigureAwait(false);
                break;
            default:
                var options = await DeleteBody.ReadAsync(http, query, user, cancellation).ConfigureAwait(false);
                await responder.SendListAsync(
                    resource, await _registry.DeleteCollectionAsync(resource, ns, query.List(), options, cancellation).ConfigureAwait(false)).ConfigureAwait(false);
                break;
        }
    }

    private async Task CreateAsync(HttpContext http, KubePath path, WriteOptions options, Responder responder, CancellationToken cancellation)
    {
        var body = await ReadAsync(http, path.Resource, options, cancellation).ConfigureAwait(false);
        var made = await _registry.CreateDecodedAsync(path.Resource, path.Namespace, body, options, cancellation).ConfigureAwait(false);
        responder.Warn(options.Warnings);
        await responder.SendObjectAsync(path.Resource, made.Object, 201).ConfigureAwait(false);
    }

    private async Task UpdateAsync(HttpContext http, KubePath path, WriteOptions options, Responder responder, CancellationToken cancellation)
    {
        var body = await ReadAsync(http, path.Resource, options, cancellation).ConfigureAwait(false);
        var updated = await _registry.UpdateDecodedAsync(path.Resource, path.Namespace, path.Name, body, options, path.Subresource, cancellation).ConfigureAwait(false);
        responder.Warn(options.Warnings);
        await responder.SendObjectAsync(path.Resource, updated.Object, updated.IsCreated ? 201 : 200).ConfigureAwait(false);
    }

    private async Task PatchAsync(HttpContext http, KubePath path, KubeQuery query, UserInfo user, Responder responder, CancellationToken cancellation)
    {
        var type = RequestBody.MediaType(http.Request) switch
        {
            "application/json-patch+json" => PatchType.Json,
            "application/merge-patch+json" => PatchType.Merge,
            "application/strategic-merge-patch+json" => PatchType.Strategic,
            "application/apply-patch+yaml" => PatchType.Apply,
            _ => throw Failure.UnsupportedMediaType("application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml, application/strategic-merge-patch+json"),
        };
        if (type == PatchType.Apply && query.Text("fieldManager").Length == 0)
        {
            throw Failure.InvalidOptions("PatchOptions", FieldError.Required("fieldManager", "is required for apply patch"));
        }

        var options = query.Write("PatchOptions", user);
        var body = await RequestBody.ReadPatchAsync(http.Request, type == PatchType.Apply, cancellation).ConfigureAwait(false);
        ObjectDecoder.Tell(
            body.Duplicates.Select(field => $"duplicate field \"{field}\""), options, problems => Failure.BadRequest($"strict decoding error: {problems}"));
        var patched = await _registry.PatchAsync(path.Resource, path.Namespace, path.Name, type, body.Json, options, path.Subresource, cancellation).ConfigureAwait(false);
        responder.Warn(options.Warnings);
        var shown = path.Subresource == "scale" ? Subresources.AsScale(path.Resource, patched.Object) : patched.Object;
        await responder.SendObjectAsync(path.Resource, shown, patched.IsCreated ? 201 : 200).ConfigureAwait(false);
    }

    private async Task WatchAsync(HttpContext http, KubePath path, KubeQuery query, Responder responder)
    {
        var accepted = Accepted.Of(http.Request);
        var events = await _registry.WatchAsync(path.Resource, path.Namespace, query.Watch(path.Name), http.RequestAborted).ConfigureAwait(false);
        await new WatchStream(http, path.Resource, _registry.Time).SendAsync(events, accepted, responder.IncludeObject, http.RequestAborted).ConfigureAwait(false);
    }

    private static async Task<System.Text.Json.Nodes.JsonObject> ReadAsync(
        HttpContext http, ResourceDefinition resource, WriteOptions options, CancellationToken cancellation)
    {
        if (!resource.IsBuiltIn && RequestBody.MediaType(http.Request) == Proto.ProtobufBody.MediaType)
        {
            throw Failure.UnsupportedMediaType("application/json, application/yaml");
        }

        var body = await RequestBody.ReadObjectAsync(http.Request, cancellation).ConfigureAwait(false);
        return ObjectDecoder.Decode(resource, (System.Text.Json.Nodes.JsonObject)body.Json!, options, body.Duplicates);
    }

    private static Task SendDeletedAsync(ResourceDefinition resource, DeleteResult result, Responder responder)
        => result.IsGone && resource.Plural != "pods"
            ? responder.SendStatusAsync(new Status(200, "", "")
            {
                Name = result.Object.Name,
                Group = resource.Group,
                Kind = resource.Plural,
                Uid = result.Object.Uid,
            })
            : responder.SendObjectAsync(resource, result.Object, 200);
}
