using System.Net;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using RaftKv.Rpc.Server;

namespace RaftKv.Rpc.Tests.Client;

/// <summary>A service with one method of each shape, whose messages are BytesValue, and servers of it.</summary>
internal static class EchoService
{
    public static ServiceDescriptor Descriptor { get; } = Describe();

    public static RpcMethod<BytesValue, BytesValue> Unary { get; } = Method("Unary");

    public static RpcMethod<BytesValue, BytesValue> ClientStream { get; } = Method("ClientStream");

    public static RpcMethod<BytesValue, BytesValue> ServerStream { get; } = Method("ServerStream");

    public static RpcMethod<BytesValue, BytesValue> Duplex { get; } = Method("Duplex");

    public static BytesValue Message(string text) => new() { Value = ByteString.CopyFromUtf8(text) };

    public static BytesValue Message(int length) => new() { Value = ByteString.CopyFrom(new byte[length]) };

    public static string Text(BytesValue message) => message.Value.ToStringUtf8();

    /// <summary>
    /// A server that echoes: the request; the requests joined; the request once for each of its characters; each request
    /// by itself. Every response carries the request's "ping" metadata back, as the header "pong" and the trailer "pong-end".
    /// </summary>
    public static Task<RpcHost> StartAsync(IPEndPoint? endPoint = null, Action<RpcHostOptions>? configure = null)
        => StartAsync(Service(), endPoint, configure);

    /// <summary>The service of <see cref="StartAsync(IPEndPoint?, Action{RpcHostOptions}?)"/> by itself.</summary>
    public static RpcService Service() => new RpcService(Descriptor)
        .Unary<BytesValue, BytesValue>("Unary", (request, call) =>
        {
            Pong(call);
            return new(request);
        })
        .ClientStreaming<BytesValue, BytesValue>("ClientStream", async (requests, call) =>
        {
            Pong(call);
            var joined = "";
            await foreach (var request in requests)
            {
                joined += Text(request);
            }

            return Message(joined);
        })
        .ServerStreaming<BytesValue, BytesValue>("ServerStream", async (request, responses, call) =>
        {
            Pong(call);
            foreach (var c in Text(request))
            {
                await responses.WriteAsync(Message($"{c}"));
            }
        })
        .Duplex<BytesValue, BytesValue>("Duplex", async (requests, responses, call) =>
        {
            Pong(call);
            await foreach (var request in requests)
            {
                await responses.WriteAsync(request);
            }
        });

    public static Task<RpcHost> StartAsync(RpcService service, IPEndPoint? endPoint = null, Action<RpcHostOptions>? configure = null)
    {
        var options = new RpcHostOptions();
        options.Listen.Add(new RpcListenAddress(endPoint ?? new IPEndPoint(IPAddress.Loopback, 0)));
        options.Services.Add(service);
        configure?.Invoke(options);
        return RpcHost.StartAsync(options);
    }

    private static void Pong(RpcServerCall call)
    {
        if (call.Metadata("ping") is { } ping)
        {
            call.ResponseHeaders.Add("pong", ping);
            call.ResponseTrailers.Add("pong-end", ping);
        }
    }

    private static RpcMethod<BytesValue, BytesValue> Method(string name)
        => RpcMethod.Of<BytesValue, BytesValue>(Descriptor.FindMethodByName(name));

    private static ServiceDescriptor Describe()
    {
        var service = new ServiceDescriptorProto { Name = "Echo" };
        service.Method.Add(Describe("Unary", false, false));
        service.Method.Add(Describe("ClientStream", true, false));
        service.Method.Add(Describe("ServerStream", false, true));
        service.Method.Add(Describe("Duplex", true, true));
        var file = new FileDescriptorProto { Name = "echo.proto", Package = "test", Syntax = "proto3" };
        file.Dependency.Add("google/protobuf/wrappers.proto");
        file.Service.Add(service);
        var descriptor = FileDescriptor.FromGeneratedCode(
            file.ToByteArray(), [WrappersReflection.Descriptor], new GeneratedClrTypeInfo(null, null, null));
        return descriptor.Services[0];
    }

    private static MethodDescriptorProto Describe(string name, bool clientStreaming, bool serverStreaming) => new()
    {
        Name = name,
        InputType = ".google.protobuf.BytesValue",
        OutputType = ".google.protobuf.BytesValue",
        ClientStreaming = clientStreaming,
        ServerStreaming = serverStreaming,
    };
}
