using System.CommandLine;
using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using RaftKv.Protocol.Election;
using RaftKv.Protocol.Etcd;
using RaftKv.Protocol.Lock;
using RaftKv.Rpc.Health;
using RaftKv.Rpc.Reflection;
using RaftKv.Rpc.Server;

namespace RaftKv.Cli;

/// <summary>
/// <c>raftkv</c> without a command: serves clients until it is told to stop. The API's services are all announced; those
/// of the store answer UNIMPLEMENTED as long as there is none behind them.
/// </summary>
internal static class ServeCommand
{
    public static void AddTo(RootCommand raftkv)
    {
        var name = new Option<string>("--name")
        {
            Description = "What people call this member",
            HelpName = "NAME",
            DefaultValueFactory = _ => "default",
        };
        var listen = new Option<IPEndPoint[]>("--listen-client-urls")
        {
            Description = "Where clients connect: addresses of this machine, separated by commas",
            HelpName = "URL,...",
            CustomParser = ListenUrl.Parse,
            DefaultValueFactory = _ => [new IPEndPoint(IPAddress.Loopback, 2379)],
        };
        raftkv.Options.Add(name);
        raftkv.Options.Add(listen);
        raftkv.SetAction((parsed, stop) => ServeAsync(
            parsed.GetRequiredValue(name),
            parsed.GetRequiredValue(listen),
            parsed.InvocationConfiguration.Output,
            parsed.InvocationConfiguration.Error,
            stop));
    }

    private static async Task<int> ServeAsync(string name, IPEndPoint[] listen, TextWriter output, TextWriter error, CancellationToken stop)
    {
        using var loggers = LoggerFactory.Create(logging => logging
            .SetMinimumLevel(LogLevel.Warning)
            .AddSimpleConsole(console => console.SingleLine = true));
        var options = Options(listen);
        options.Server.Loggers = loggers;
        try
        {
            await using var host = await RpcHost.StartAsync(options, stop);
            var addresses = string.Join(",", host.EndPoints.Select(address => address.GetLeftPart(UriPartial.Authority)));
            await output.WriteLineAsync($"raftkv {ProgramVersion.Text}: member '{name}' serves clients on {addresses}");
            try
            {
                await Task.Delay(Timeout.Infinite, stop);
            }
            catch (OperationCanceledException)
            {
                await output.WriteLineAsync("raftkv: stopping");
            }

            return 0;
        }
        catch (IOException taken)
        {
            await error.WriteLineAsync($"raftkv: {taken.Message} Choose another address with --listen-client-urls.");
            return 1;
        }
    }

    private static RpcHostOptions Options(IPEndPoint[] listen)
    {
        var options = new RpcHostOptions { Http = app => app.Map("/version", branch => branch.Run(WriteVersionAsync)) };
        foreach (var endPoint in listen)
        {
            options.Listen.Add(new RpcListenAddress(endPoint));
        }

        options.Services.Add(new HealthService().Service);
        var announced = RpcReflection.Descriptor.Services
            .Concat(V3LockReflection.Descriptor.Services)
            .Concat(V3ElectionReflection.Descriptor.Services)
            .ToList();
        foreach (var service in announced)
        {
            options.Services.Add(new RpcService(service));
        }

        foreach (var service in new ReflectionService([.. announced, Grpc.Health.V1.HealthReflection.Descriptor.Services[0]]).Services)
        {
            options.Services.Add(service);
        }

        return options;
    }

    private static Task WriteVersionAsync(HttpContext http)
    {
        http.Response.ContentType = "application/json";
        return http.Response.WriteAsync($"{{\"raftkv\":\"{JsonEncodedText.Encode(ProgramVersion.Text)}\"}}", http.RequestAborted);
    }
}
