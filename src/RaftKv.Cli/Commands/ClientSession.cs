using System.Net.Security;
using RaftKv.Cli.Commands.Accounts;
using RaftKv.Cli.Commands.Connection;
using RaftKv.Cli.Commands.Printing;
using RaftKv.Client;
using RaftKv.Rpc.Client;
using RaftKv.Rpc.Tls;

namespace RaftKv.Cli.Commands;

/// <summary>What a running command works with: the cluster, and where answers go.</summary>
internal sealed class ClientSession : IAsyncDisposable
{
    private readonly Lazy<ClusterConnection> _cluster;

    // Nobody wants to type it twice.
    private string? _typedPassword;

    public ClientSession(ClientConsole console, CommonFlags common, AnswerForms forms)
    {
        Console = console;
        Common = common;
        Output = new AnswerWriter(console.Output);
        Printer = AnswerPrinter.Of(common.WriteOut.Value, forms, common.Hex.Value, Output);
        _cluster = new Lazy<ClusterConnection>(() => Connect(common));
    }

    public ClientConsole Console { get; }

    public CommonFlags Common { get; }

    public AnswerWriter Output { get; }

    public AnswerPrinter Printer { get; }

    public bool IsSimple => Printer is SimplePrinter;

    /// <exception cref="CommandFailure">The flags name no cluster.</exception>
    public ClusterConnection Cluster => _cluster.Value;

    public async ValueTask DisposeAsync()
    {
        if (_cluster.IsValueCreated)
        {
            await _cluster.Value.DisposeAsync();
        }
    }

    /// <exception cref="CommandFailure">The text is no endpoint.</exception>
    public Endpoint Endpoint(string text) => ParseEndpoint(text, IsTls(Common));

    /// <summary>A connection to another cluster than the one that the command is about.</summary>
    /// <exception cref="CommandFailure">The flags name no cluster.</exception>
    public ClusterConnection Connect(CommonFlags flags) => new(Settings(flags));

    /// <summary>The client library on the same cluster, for what takes more than single calls. The caller disposes of it.</summary>
    /// <exception cref="CommandFailure">The flags name no cluster.</exception>
    public RaftKvClient CreateClient()
    {
        var settings = Settings(Common);
        return RaftKvClient.Connect(new RaftKvClientOptions
        {
            Endpoints = [.. settings.Endpoints.Select(endpoint => endpoint.Address)],
            Timeout = settings.CommandTimeout,
            ConnectTimeout = settings.DialTimeout,
            Tls = settings.Tls,
            UserName = settings.User,
            Password = settings.User is null ? null : settings.Password,
        });
    }

    private ConnectionSettings Settings(CommonFlags common)
    {
        if (common.Endpoints.Values.Count == 0)
        {
            throw new CommandFailure(ExitCode.BadConnection, "no available endpoints: --endpoints names none");
        }

        // A server closes connections that are pinged more often than every 5 s; Go's client never does under 10.
        var keepAlive = TimeSpan.FromSeconds(Math.Max(10, common.KeepAliveTime.Value.TotalSeconds));
        var parts = common.User.Value.Split(':', 2);
        var password = common.Password.IsSet || !common.User.IsSet ? common.Password.Value
            : parts.Length == 2 ? parts[1]
            : Ask(parts[0], isOwn: common == Common);

        return new ConnectionSettings
        {
            Endpoints = [.. common.Endpoints.Values.Select(text => ParseEndpoint(text, IsTls(common)))],
            DialTimeout = Positive(common.DialTimeout.Value, "dial-timeout"),
            CommandTimeout = Positive(common.CommandTimeout.Value, "command-timeout"),
            KeepAliveTime = keepAlive,
            KeepAliveTimeout = Positive(common.KeepAliveTimeout.Value, "keepalive-timeout"),
            Tls = Tls(common),
            User = common.User.IsSet ? parts[0] : null,
            Password = password,
        };
    }

    private string Ask(string user, bool isOwn)
    {
        if (!Console.InputIsTerminal)
        {
            throw CommandFailure.BadArguments($"the password of '{user}' is missing: write --user {user}:PASSWORD, or add --password");
        }

        return isOwn ? _typedPassword ??= PasswordPrompt.Read(Console) : PasswordPrompt.Read(Console);
    }

    private static Endpoint ParseEndpoint(string text, bool isTls)
    {
        try
        {
            return Connection.Endpoint.Parse(text, isTls);
        }
        catch (FormatException wrong)
        {
            throw new CommandFailure(ExitCode.BadArguments, $"{wrong.Message} (--endpoints)", wrong);
        }
    }

    private static TimeSpan Positive(TimeSpan duration, string flag)
        => duration > TimeSpan.Zero ? duration : throw CommandFailure.BadArguments($"--{flag} must be more than nothing");

    private static bool IsTls(CommonFlags common)
        => common.Authorities.Value.Length > 0 || common.Certificate.Value.Length > 0 || !common.InsecureTransport.Value;

    // What the flag asks for, and says that it is for tests only.
#pragma warning disable CA5359
    private static void BelieveAnyServer(SslClientAuthenticationOptions options)
        => options.RemoteCertificateValidationCallback = (_, _, _, _) => true;
#pragma warning restore CA5359

    private static RpcClientTls Tls(CommonFlags common)
    {
        try
        {
            return new RpcClientTls
            {
                Files = RpcClientTlsFiles.Open(
                    common.Authorities.Value, common.Certificate.Value, common.Key.Value, names: ("--cacert", "--cert", "--key")),
                Customize = common.InsecureSkipTlsVerify.Value ? BelieveAnyServer : null,
            };
        }
        catch (CertificateFileException wrong)
        {
            throw CommandFailure.BadArguments(wrong.Message);
        }
    }
}
