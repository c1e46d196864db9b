using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using RaftKv.Client;
using RaftKv.Server.Peers;

namespace RaftKv.Hosting.Tests;

public sealed class RaftKvServerTests : IDisposable
{
    private readonly Folder _folder = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_member_starts_and_stops_with_its_host_and_keeps_what_it_was_told()
    {
        await using (var first = new HostedApplication(_folder.Path))
        {
            await first.StartAsync();
            await first.Client.PutAsync("greeting", "hello", cancellation: Stop);
            await first.StopAsync();

            // Which of the two it is depends on whether the time runs out between two attempts or within the last.
            var away = await Assert.ThrowsAnyAsync<RaftKvException>(
                async () => await first.Client.GetAsync("greeting", new GetOptions { Timeout = TimeSpan.FromSeconds(1) }, Stop));
            Assert.True(away is UnavailableException or CallTimeoutException, away.ToString());
        }

        Assert.True(Directory.Exists(Path.Join(_folder.Path, "data")));
        await using var second = new HostedApplication(_folder.Path);
        await second.StartAsync();
        Assert.Equal("hello", (await second.Client.GetAsync("greeting", cancellation: Stop))?.ValueText);
        await second.StopAsync();
    }

    [Fact]
    public async Task It_opens_no_port_unless_it_is_told_to()
    {
        await using var application = new HostedApplication(_folder.Path);
        await application.StartAsync();
        Assert.Empty(application.Server.Node.ClientEndPoints);
        Assert.Empty(application.Server.Node.PeerEndPoints);
        await application.StopAsync();
    }

    [Fact]
    public async Task Configuration_says_where_it_listens()
    {
        var settings = HostedApplication.Quick();
        settings["RaftKv:Name"] = "a";
        settings["RaftKv:ListenClient:0"] = "http://localhost:0";
        settings["RaftKv:ListenPeer:0"] = "127.0.0.1:0";
        settings["RaftKv:AdvertisePeerUrls:0"] = "http://127.0.0.1:2380";
        settings["RaftKv:InitialCluster:a"] = "http://127.0.0.1:2380";
        await using var application = new HostedApplication(_folder.Path, settings);
        await application.StartAsync();
        await application.Server.WaitUntilReadyAsync(Stop);
        await using var other = RaftKvClient.Connect(new RaftKvClientOptions { Endpoints = application.Server.Node.ClientEndPoints });
        await other.PutAsync("k", "v", cancellation: Stop);
        Assert.Equal("v", (await application.Client.GetAsync("k", cancellation: Stop))?.ValueText);
        Assert.Single(application.Server.Node.PeerEndPoints);
        await application.StopAsync();
    }

    [Fact]
    public async Task Configuration_says_what_it_proves_itself_with()
    {
        using var files = new CertificateFolder();
        var (certificate, key) = files.Server();
        var settings = HostedApplication.Quick();
        settings["RaftKv:ListenClient:0"] = "https://localhost:0";
        settings["RaftKv:ClientTls:CertificateFile"] = certificate;
        settings["RaftKv:ClientTls:KeyFile"] = key;
        await using var application = new HostedApplication(_folder.Path, settings);
        await application.StartAsync();
        await application.Server.WaitUntilReadyAsync(Stop);
        await using var other = RaftKvClient.Connect(new RaftKvClientOptions
        {
            Endpoints = application.Server.Node.ClientEndPoints,
            Tls = new Rpc.Client.RpcClientTls { Authorities = [files.Authority] },
        });
        await other.PutAsync("k", "v", cancellation: Stop);
        Assert.Equal("https", application.Server.Node.ClientEndPoints[0].Scheme);
        await application.StopAsync();
    }

    [Fact]
    public async Task Calls_that_come_before_the_member_wait_for_it()
    {
        await using var application = new HostedApplication(_folder.Path);
        var early = application.Client.PutAsync("k", "v", cancellation: Stop);
        Assert.False(early.IsCompleted);
        await application.StartAsync();
        await early;
        await application.StopAsync();
    }

    [Theory]
    [InlineData("RaftKv:ListenClient:0", "here", "ListenClient:0 is 'here', which is no IP address with a port: write it as 127.0.0.1:2379.")]
    [InlineData("RaftKv:ListenPeer:0", "127.0.0.1", "ListenPeer:0 is '127.0.0.1', which is no IP address with a port: write it as 127.0.0.1:2379.")]
    [InlineData("RaftKv:AdvertisePeerUrls:0", "10.0.0.1:2380", "AdvertisePeerUrls:0 is '10.0.0.1:2380', which is no address of a member: write it as http://10.0.0.1:2380.")]
    [InlineData("RaftKv:InitialCluster:default", "nowhere", "InitialCluster:default is 'nowhere', which is no address of a member: write it as http://10.0.0.1:2380.")]
    [InlineData("RaftKv:Name", "", "The member needs a name.")]
    public async Task Options_that_cannot_work_stop_the_start_with_a_line(string key, string value, string line)
    {
        var settings = HostedApplication.Quick();
        settings[key] = value;
        await using var application = new HostedApplication(_folder.Path, settings);
        var refused = await Assert.ThrowsAsync<OptionsValidationException>(application.StartAsync);
        Assert.Equal([line], refused.Failures);
    }

    [Fact]
    public async Task A_cluster_of_several_needs_an_address_for_the_others()
    {
        var settings = HostedApplication.Quick();
        settings["RaftKv:InitialCluster:default"] = "http://10.0.0.1:2380";
        settings["RaftKv:InitialCluster:other"] = "http://10.0.0.2:2380";
        await using var application = new HostedApplication(_folder.Path, settings);
        var refused = await Assert.ThrowsAsync<OptionsValidationException>(application.StartAsync);
        Assert.Contains("ListenPeer is empty", Assert.Single(refused.Failures), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_of_configuration_that_is_no_option_stops_the_start()
    {
        var settings = HostedApplication.Quick();
        settings["RaftKv:DataDirctory"] = "elsewhere";
        await using var application = new HostedApplication(_folder.Path, settings);
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(application.StartAsync);
        Assert.Contains("DataDirctory", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_member_that_must_end_ends_the_application_and_says_why()
    {
        await using var application = new HostedApplication(_folder.Path);
        await application.StartAsync();
        await application.Server.WaitUntilReadyAsync(Stop);
        ((IPeerReceiver)application.Server.Node.Member).Broken(new InvalidOperationException("pretended"));
        var reason = await Assert.ThrowsAnyAsync<Exception>(application.WaitForEndAsync);
        Assert.Contains("pretended", reason.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_client_of_another_cluster_stays_the_application_s_client()
    {
        var services = new ServiceCollection()
            .AddRaftKvClient(_ => new RaftKvClientOptions { Endpoints = [new Uri("http://127.0.0.1:1")] })
            .AddRaftKvServer()
            .AddRaftKvServer(options => options.Name = "again");
        Assert.Single(services, service => service.ServiceType == typeof(RaftKvClient));
        Assert.Single(services, service => service.ServiceType == typeof(RaftKvServer));
        Assert.Single(services, service => service.ServiceType == typeof(IHostedService));
    }
}
