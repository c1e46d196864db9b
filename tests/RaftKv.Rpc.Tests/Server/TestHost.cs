using System.Net;
using RaftKv.Protocol.Etcd;
using RaftKv.Rpc.Server;

namespace RaftKv.Rpc.Tests.Server;

/// <summary>A host on a port of its own, with the services a test binds.</summary>
internal static class TestHost
{
    public static RpcService Kv() => new(RpcReflection.Descriptor.Services.Single(service => service.Name == "KV"));

    public static RpcService Watch() => new(RpcReflection.Descriptor.Services.Single(service => service.Name == "Watch"));

    public static RpcService Maintenance() => new(RpcReflection.Descriptor.Services.Single(service => service.Name == "Maintenance"));

    public static RpcHostOptions Options(params RpcService[] services)
    {
        var options = new RpcHostOptions { StopTimeout = TimeSpan.FromSeconds(2), Server = { Loggers = new TestOutputLoggers() } };
        options.Listen.Add(new RpcListenAddress(new IPEndPoint(IPAddress.Loopback, 0)));
        foreach (var service in services)
        {
            options.Services.Add(service);
        }

        return options;
    }

    public static Task<RpcHost> StartAsync(params RpcService[] services)
        => RpcHost.StartAsync(Options(services), TestContext.Current.CancellationToken);

    public static Uri Address(this RpcHost host) => host.EndPoints[0];
}
