using System.CommandLine;
using System.Net;
using KubeStore.Authz;
using KubeStore.Controllers;
using KubeStore.Http;
using KubeStore.Registry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using RaftKv.Cli.Serve;
using RaftKv.Client;
using RaftKv.Rpc.Tls;
using RaftKv.Server;
using RaftKv.Server.Bootstrap;
using RaftKv.Server.Tls;
using RaftKv.Storage.Files;

namespace RaftKv.Cli.Kube;

/// <summary><c>raftkv kube</c>: the Kubernetes API, on a member in this process or on a cluster.</summary>
internal static class KubeCommand
{
    private static readonly Option<ListenAddress[]> Listen = new("--listen")
    {
        Description = "Where clients of the Kubernetes API connect: an address of this machine",
        HelpName = "URL",
        CustomParser = ListenUrl.Parse,
        DefaultValueFactory = _ => [new IPEndPoint(IPAddress.Loopback, 8001)],
    };

    private static readonly Option<string> DataDir = new("--data-dir")
    {
        Description = "Where the member's data lies, if it is one in this process",
        HelpName = "FOLDER",
        DefaultValueFactory = _ => "kube.raftkv",
    };

    private static readonly Option<string> Endpoints = new("--endpoints")
    {
        Description = "Client URLs of a cluster to keep the objects in, instead of a member in this process",
        HelpName = "URL,...",
    };

    private static readonly Option<string> Tokens = new("--token-auth-file")
    {
        Description = "A file with a line token,user,uid,\"group1,group2\" for each user; then roles and bindings say who may do what",
        HelpName = "FILE",
    };

    private static readonly Option<string> Certificate = new("--tls-cert-file")
    {
        Description = "The certificate for addresses with https, PEM, with those between it and the authority",
        HelpName = "FILE",
    };

    private static readonly Option<string> CertificateKey = new("--tls-private-key-file")
    {
        Description = "Its private key, PEM",
        HelpName = "FILE",
    };

    private static readonly Option<string> ClientAuthorities = new("--client-ca-file")
    {
        Description = "The authorities whose certificates say who somebody is: the common name is the user, organizations are groups",
        HelpName = "FILE",
    };

    private static readonly Option<string> AccountKey = new("--service-account-key-file")
    {
        Description = "The key that service accounts' tokens are signed with, made if it is not there; service-accounts.key in the data directory unless --endpoints is given",
        HelpName = "FILE",
    };

    private static readonly Option<string> AuditLog = new("--audit-log")
    {
        Description = "A file to which a line is added for every request: when, who, what, and how it was answered; - for the standard output",
        HelpName = "FILE",
    };

    public static Command Create()
    {
        var command = new Command("kube", "Serve the Kubernetes API, on a member in this process or on a cluster") { Listen, DataDir, Endpoints, Tokens, Certificate, CertificateKey, ClientAuthorities, AccountKey, AuditLog };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken stop)
    {
        var output = parsed.InvocationConfiguration.Output;
        var error = parsed.InvocationConfiguration.Error;
        try
        {
            var listen = parsed.GetValue(Listen)!;
            var tls = OpenTls(parsed, listen, error);
            var options = Identity(parsed) is { } authenticate
                ? new KubeApiOptions { Authenticate = authenticate, UsesRoles = true }
                : listen.All(endPoint => IPAddress.IsLoopback(endPoint.Address))
                    ? new KubeApiOptions()
                    : throw new FormatException("Without --token-auth-file or --client-ca-file everybody may do everything; that is served on loopback addresses only.");
            using var auditFile = parsed.GetValue(AuditLog) is { Length: > 0 } log and not "-" ? Append(log) : null;
            var audit = parsed.GetValue(AuditLog) switch
            {
                null or "" => null,
                "-" => TextWriter.Synchronized(output),
                _ => TextWriter.Synchronized(auditFile!),
            };
            options = options with
            {
                Audit = audit is null ? null : audit.WriteLine,
                Failed = failed => error.WriteLine($"raftkv: a request failed: {failed}"),
            };
            if (parsed.GetValue(Endpoints) is { Length: > 0 } endpoints)
            {
                await using var client = RaftKvClient.Connect(new RaftKvClientOptions
                {
                    Endpoints = [.. endpoints.Split(',').Select(url => new Uri(url.Contains("://", StringComparison.Ordinal) ? url : $"http://{url}"))],
                });
                await using var registryOfCluster = new KubeRegistry(client);
                await ServeAsync(registryOfCluster, listen, tls, options, parsed.GetValue(AccountKey) ?? "", output, stop);
                return 0;
            }

            await using var node = await RaftKvNode.StartAsync(
                new RaftKvOptions { DataDirectory = parsed.GetValue(DataDir)!, ListenClient = [], ListenPeer = [new IPEndPoint(IPAddress.Loopback, 0)] }, stop);
            await node.WaitUntilReadyAsync(stop);
            await using var inner = node.OpenChannel();
            await using var registry = new KubeRegistry(inner);
            await ServeAsync(registry, listen, tls, options, parsed.GetValue(AccountKey) ?? Path.Join(parsed.GetValue(DataDir)!, "service-accounts.key"), output, stop);
            return 0;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return 0;
        }
        catch (Exception refusal) when (refusal is BootstrapException or StorageException or IOException or FormatException or UnauthorizedAccessException or CertificateFileException)
        {
            await error.WriteLineAsync($"raftkv: {refusal.Message}");
            return 1;
        }
    }

    // Null where everybody may be anybody.
    private static Func<HttpContext, UserInfo?>? Identity(ParseResult parsed)
    {
        var tokens = parsed.GetValue(Tokens) is { Length: > 0 } file ? TokenFile.Read(file) : null;
        if (parsed.GetValue(ClientAuthorities) is not { Length: > 0 })
        {
            return tokens is null ? null : tokens.Authenticate;
        }

        return http => ClientCertificates.Authenticate(http) ?? tokens?.Authenticate(http);
    }

    // Null where no address asks for TLS.
    private static TlsPort? OpenTls(ParseResult parsed, ListenAddress[] listen, TextWriter error)
    {
        var settings = new PortTls
        {
            CertificateFile = parsed.GetValue(Certificate) ?? "",
            KeyFile = parsed.GetValue(CertificateKey) ?? "",
            AuthoritiesFile = parsed.GetValue(ClientAuthorities) ?? "",
            AllowsNoCertificate = true,
        };
        if (!listen.Any(address => address.IsTls))
        {
            return settings is { CertificateFile.Length: 0, AuthoritiesFile.Length: 0 }
                ? null
                : throw new FormatException("There are certificates, and no address of --listen has TLS: write it as https://127.0.0.1:6443.");
        }

        return settings is { CertificateFile.Length: > 0, KeyFile.Length: > 0 }
            ? TlsPort.Open(new TlsPortNames("Kubernetes API", "--tls-cert-file", "--tls-private-key-file", "--client-ca-file", ""), settings, new ErrorLines(error))
            : throw new FormatException("An address of --listen has TLS: give --tls-cert-file and --tls-private-key-file.");
    }

    // Each line is there as soon as its request has ended.
    private static StreamWriter Append(string file)
        => new(new FileStream(file, FileMode.Append, FileAccess.Write, FileShare.Read)) { AutoFlush = true };

    private static async Task ServeAsync(KubeRegistry registry, ListenAddress[] listen, TlsPort? tls, KubeApiOptions options, string accountKey, TextWriter output, CancellationToken stop)
    {
        using var tokens = accountKey.Length > 0 ? new ServiceAccountTokens(registry, ServiceAccountTokens.OpenKey(accountKey)) : null;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            // The API has limits of its own, and says so in its own words.
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.AddServerHeader = false;
            foreach (var endPoint in listen)
            {
                kestrel.Listen(endPoint.EndPoint, address =>
                {
                    if (endPoint.IsTls)
                    {
                        address.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = one => new(tls!.ServerOptions(one.Connection.RemoteEndPoint)) });
                    }
                });
            }
        });
        await using var app = builder.Build();
        app.MapKubeStore(registry, options with { ServiceAccounts = tokens });
        await using var controllers = await KubeControllers.StartAsync(registry, stop);
        await app.StartAsync(stop);
        await output.WriteLineAsync($"raftkv: the Kubernetes API is at {string.Join(',', app.Urls)}");
        await output.FlushAsync(stop);
        await Task.Delay(Timeout.Infinite, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await app.StopAsync(CancellationToken.None);
    }
}
