using System.Buffers;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Reflection.V1;
using RaftKv.Rpc.Server;

namespace RaftKv.Rpc.Reflection;

/// <summary>
/// gRPC server reflection, v1 and v1alpha: tells tools such as grpcurl which services there are and how their messages
/// look. The two versions differ in their package name only, so both are answered with v1's messages.
/// </summary>
/// <example><code>
/// foreach (var service in new ReflectionService([kv.Descriptor, watch.Descriptor]).Services) { options.Services.Add(service); }
/// </code></example>
public sealed class ReflectionService
{
    private const string Method = "ServerReflectionInfo";

    private readonly SortedSet<string> _services = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FileDescriptor> _files = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FileDescriptor> _symbols = new(StringComparer.Ordinal);

    public ReflectionService(IEnumerable<ServiceDescriptor> services)
    {
        var v1 = ReflectionReflection.Descriptor.Services[0];
        var v1Alpha = Grpc.Reflection.V1Alpha.ReflectionReflection.Descriptor.Services[0];
        foreach (var service in services.Append(v1).Append(v1Alpha))
        {
            _services.Add(service.FullName);
            AddFile(service.File);
        }

        Services =
        [
            new RpcService(v1).DuplexBytes(Method, AnswerAsync),
            new RpcService(v1Alpha).DuplexBytes(Method, AnswerAsync),
        ];
    }

    /// <summary>To be registered with a server.</summary>
    public IReadOnlyList<RpcService> Services { get; }

    private async ValueTask AnswerAsync(
        RpcRequestStream<ReadOnlySequence<byte>> requests, RpcResponseStream<ReadOnlySequence<byte>> responses, RpcServerCall call)
    {
        while (await requests.MoveNextAsync().ConfigureAwait(false))
        {
            var request = RpcEndpoint.Decode(MessageCodec.Of<ServerReflectionRequest>(), requests.Current);
            Answer(request).WriteTo(responses.BeginMessage());
            responses.EndMessage();
            await responses.FlushAsync().ConfigureAwait(false);
        }
    }

    internal ServerReflectionResponse Answer(ServerReflectionRequest request)
    {
        var response = new ServerReflectionResponse { ValidHost = request.Host, OriginalRequest = request };
        switch (request.MessageRequestCase)
        {
            case ServerReflectionRequest.MessageRequestOneofCase.ListServices:
                response.ListServicesResponse = new ListServiceResponse
                {
                    Service = { _services.Select(name => new ServiceResponse { Name = name }) },
                };
                break;
            case ServerReflectionRequest.MessageRequestOneofCase.FileByFilename:
                AnswerFile(response, _files.GetValueOrDefault(request.FileByFilename), request.FileByFilename);
                break;
            case ServerReflectionRequest.MessageRequestOneofCase.FileContainingSymbol:
                AnswerFile(response, _symbols.GetValueOrDefault(request.FileContainingSymbol), request.FileContainingSymbol);
                break;
            case ServerReflectionRequest.MessageRequestOneofCase.AllExtensionNumbersOfType:
                AnswerExtensionNumbers(response, request.AllExtensionNumbersOfType);
                break;
            case ServerReflectionRequest.MessageRequestOneofCase.FileContainingExtension:
                // proto3 messages have no extensions.
                Refuse(response, RpcStatusCode.NotFound, $"no extension {request.FileContainingExtension.ExtensionNumber} of {request.FileContainingExtension.ContainingType}");
                break;
            default:
                Refuse(response, RpcStatusCode.InvalidArgument, "the request asks for nothing");
                break;
        }

        return response;
    }

    private void AnswerExtensionNumbers(ServerReflectionResponse response, string type)
    {
        if (_symbols.ContainsKey(type))
        {
            response.AllExtensionNumbersResponse = new ExtensionNumberResponse { BaseTypeName = type };
        }
        else
        {
            Refuse(response, RpcStatusCode.NotFound, $"unknown type: {type}");
        }
    }

    /// <summary>The file and everything it imports, so that a client needs to ask once.</summary>
    private static void AnswerFile(ServerReflectionResponse response, FileDescriptor? file, string asked)
    {
        if (file is null)
        {
            Refuse(response, RpcStatusCode.NotFound, $"unknown file or symbol: {asked}");
            return;
        }

        response.FileDescriptorResponse = new FileDescriptorResponse();
        var sent = new HashSet<string>(StringComparer.Ordinal);
        AddWithImports(file);

        void AddWithImports(FileDescriptor next)
        {
            if (!sent.Add(next.Name))
            {
                return;
            }

            response.FileDescriptorResponse.FileDescriptorProto.Add(next.SerializedData);
            foreach (var import in next.Dependencies)
            {
                AddWithImports(import);
            }
        }
    }

    private static void Refuse(ServerReflectionResponse response, RpcStatusCode code, string text)
        => response.ErrorResponse = new ErrorResponse { ErrorCode = (int)code, ErrorMessage = text };

    private void AddFile(FileDescriptor file)
    {
        if (!_files.TryAdd(file.Name, file))
        {
            return;
        }

        foreach (var service in file.Services)
        {
            _symbols.Add(service.FullName, file);
            foreach (var method in service.Methods)
            {
                _symbols.Add(method.FullName, file);
            }
        }

        foreach (var message in file.MessageTypes)
        {
            AddMessage(message, file);
        }

        foreach (var enumeration in file.EnumTypes)
        {
            AddEnum(enumeration, file);
        }

        foreach (var import in file.Dependencies)
        {
            AddFile(import);
        }
    }

    private void AddMessage(MessageDescriptor message, FileDescriptor file)
    {
        _symbols.Add(message.FullName, file);
        foreach (var field in message.Fields.InDeclarationOrder())
        {
            _symbols.TryAdd(field.FullName, file);
        }

        foreach (var nested in message.NestedTypes)
        {
            AddMessage(nested, file);
        }

        foreach (var enumeration in message.EnumTypes)
        {
            AddEnum(enumeration, file);
        }
    }

    private void AddEnum(EnumDescriptor enumeration, FileDescriptor file)
    {
        _symbols.Add(enumeration.FullName, file);
        foreach (var value in enumeration.Values)
        {
            _symbols.TryAdd(value.FullName, file);
        }
    }
}
