using Google.Protobuf.Reflection;
using Grpc.Health.V1;
using Grpc.Reflection.V1;
using RaftKv.Rpc.Health;
using RaftKv.Rpc.Reflection;
using RaftKv.Rpc.Server;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace RaftKv.Rpc.Tests.Server;

public sealed class HealthAndReflectionTests
{
    private const string Check = "/grpc.health.v1.Health/Check";

    [Fact]
    public async Task The_server_as_a_whole_serves_until_it_is_said_not_to()
    {
        var health = new HealthService();
        await using var host = await TestHost.StartAsync(health.Service);
        using var raw = new RawCall();

        Assert.Equal(ServingStatus.Serving, await CheckAsync(raw, host, ""));
        health.Set("", isServing: false);
        Assert.Equal(ServingStatus.NotServing, await CheckAsync(raw, host, ""));
    }

    [Fact]
    public async Task A_name_that_was_never_set_is_not_found()
    {
        await using var host = await TestHost.StartAsync(new HealthService().Service);
        using var raw = new RawCall();

        var answer = await raw.PostAsync(host.Address(), Check, RawCall.Framed(new HealthCheckRequest { Service = "nobody" }));

        Assert.Equal((RpcStatusCode.NotFound, "unknown service"), (answer.Code, answer.Text));
    }

    [Fact]
    public async Task A_watcher_is_told_of_every_change_and_of_a_name_that_appears()
    {
        var health = new HealthService();
        await using var host = await TestHost.StartAsync(health.Service);
        await using var stream = new RawStream(host.Address(), "/grpc.health.v1.Health/Watch");
        await stream.WriteAsync(RawCall.Framed(new HealthCheckRequest { Service = "kv" }));
        stream.EndRequest();

        Assert.Equal(ServingStatus.ServiceUnknown, await NextAsync(stream));
        health.Set("other", isServing: true); // Nobody's business here.
        health.Set("kv", isServing: true);
        Assert.Equal(ServingStatus.Serving, await NextAsync(stream));
        health.Set("kv", isServing: false);
        Assert.Equal(ServingStatus.NotServing, await NextAsync(stream));
    }

    [Theory]
    [InlineData("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")]
    [InlineData("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")]
    public async Task A_tool_finds_the_services_and_every_file_it_needs_to_call_them(string path)
    {
        var reflection = new ReflectionService([TestHost.Kv().Descriptor]);
        await using var host = await TestHost.StartAsync([TestHost.Kv(), .. reflection.Services]);
        await using var stream = new RawStream(host.Address(), path);

        await stream.WriteAsync(RawCall.Framed(new ServerReflectionRequest { ListServices = "*" }));
        var listed = ServerReflectionResponse.Parser.ParseFrom(await stream.ReadAsync());
        await stream.WriteAsync(RawCall.Framed(new ServerReflectionRequest { FileContainingSymbol = "etcdserverpb.KV" }));
        var described = ServerReflectionResponse.Parser.ParseFrom(await stream.ReadAsync());

        Assert.Equal(
            ["etcdserverpb.KV", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"],
            listed.ListServicesResponse.Service.Select(service => service.Name));
        var files = described.FileDescriptorResponse.FileDescriptorProto.Select(FileDescriptorProto.Parser.ParseFrom).ToList();
        Assert.Contains(files, file => file.Service.Any(service => service.Name == "KV"));
        var names = files.Select(file => file.Name).ToHashSet();
        Assert.All(files, file => Assert.All(file.Dependency, import => Assert.Contains(import, names)));
    }

    [Fact]
    public void Symbols_are_found_by_every_kind_of_name_and_a_wrong_one_is_an_answer_not_an_error()
    {
        var reflection = new ReflectionService([TestHost.Kv().Descriptor, TestHost.Watch().Descriptor]);

        foreach (var symbol in new[] { "etcdserverpb.KV.Range", "etcdserverpb.RangeRequest", "etcdserverpb.RangeRequest.SortOrder", "mvccpb.KeyValue" })
        {
            var found = reflection.Answer(new ServerReflectionRequest { FileContainingSymbol = symbol });
            Assert.NotEmpty(found.FileDescriptorResponse.FileDescriptorProto);
        }

        var lost = reflection.Answer(new ServerReflectionRequest { FileContainingSymbol = "no.Such" });
        Assert.Equal((int)RpcStatusCode.NotFound, lost.ErrorResponse.ErrorCode);
        var empty = reflection.Answer(new ServerReflectionRequest());
        Assert.Equal((int)RpcStatusCode.InvalidArgument, empty.ErrorResponse.ErrorCode);
        var extension = reflection.Answer(new ServerReflectionRequest { AllExtensionNumbersOfType = "etcdserverpb.RangeRequest" });
        Assert.Equal("etcdserverpb.RangeRequest", extension.AllExtensionNumbersResponse.BaseTypeName);
    }

    private static async Task<ServingStatus> CheckAsync(RawCall raw, RpcHost host, string service)
    {
        var answer = await raw.PostAsync(host.Address(), Check, RawCall.Framed(new HealthCheckRequest { Service = service }));
        return HealthCheckResponse.Parser.ParseFrom(Assert.Single(answer.Messages()).Message).Status;
    }

    private static async Task<ServingStatus> NextAsync(RawStream stream)
        => HealthCheckResponse.Parser.ParseFrom(await stream.ReadAsync()).Status;
}
