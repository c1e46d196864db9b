using System.Buffers;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using RaftKv.Rpc;

namespace RaftKv.Server.Gateway;

/// <summary>A method whose requests come as JSON, and whose responses leave as such.</summary>
internal sealed class GatewayMethod(MethodDescriptor descriptor)
{
    public RpcMethod<ReadOnlySequence<byte>, ReadOnlySequence<byte>> Rpc { get; } = RpcMethod.OfBytes(descriptor);

    public bool IsUnary => Rpc.Shape == RpcShape.Unary;

    public bool TakesMany => Rpc.Shape is RpcShape.Duplex or RpcShape.ClientStreaming;

    /// <exception cref="GatewayInputException">It is not such a request.</exception>
    public ReadOnlySequence<byte> ReadRequest(JsonText? json)
        => new(json is null ? [] : ProtoJsonReader.Read(descriptor.InputType, json.Root).ToByteArray());

    public string WriteResponse(ReadOnlySequence<byte> response) => ProtoJsonWriter.Write(descriptor.OutputType.Parser.ParseFrom(response));
}
