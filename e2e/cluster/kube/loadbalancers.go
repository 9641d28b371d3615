package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/spf13/cobra"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

// newLoadBalancersCommand is what a cloud does for Services of type
// LoadBalancer: each is given an address of its own. No machine has that
// address; kube-proxy on every node forwards it, as it does a real one.
func newLoadBalancersCommand() *cobra.Command {
	var kubeconfig, prefix string
	command := &cobra.Command{
		Use: "load-balancers",
		RunE: func(command *cobra.Command, _ []string) error {
			addresses, err := netip.ParsePrefix(prefix)
			if err != nil {
				return err
			}
			config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
			if err != nil {
				return err
			}
			client, err := kubernetes.NewForConfig(config)
			if err != nil {
				return err
			}
			return serveLoadBalancers(command.Context(), client, addresses)
		},
	}
	command.Flags().StringVar(&kubeconfig, "kubeconfig", "", "how to reach the API server")
	command.Flags().StringVar(&prefix, "addresses", "10.99.1.0/24", "addresses to give")
	return command
}

func serveLoadBalancers(ctx context.Context, client kubernetes.Interface, addresses netip.Prefix) error {
	if ctx == nil {
		ctx = context.Background()
	}
	factory := informers.NewSharedInformerFactory(client, 10*time.Second)
	services := factory.Core().V1().Services()
	changed := make(chan struct{}, 1)
	notify := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	_, err := services.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { notify() },
		UpdateFunc: func(any, any) { notify() },
		DeleteFunc: func(any) { notify() },
	})
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	// What was given just now may not be in the cache yet.
	given := map[types.UID]netip.Addr{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
		all, err := services.Lister().List(labels.Everything())
		if err != nil {
			return err
		}
		for uid, status := range decideAddresses(all, given, addresses) {
			if err := patchStatus(ctx, client, status.service, status.address); err != nil {
				klog.ErrorS(err, "cannot set the address", "service", klog.KObj(status.service))
				delete(given, uid)
			}
		}
	}
}

type decision struct {
	service *v1.Service
	address netip.Addr // Not valid: the Service is to have none.
}

// decideAddresses gives the lowest free address to each Service that wants one
// and has none, and takes it from one that wants it no more.
func decideAddresses(all []*v1.Service, given map[types.UID]netip.Addr, addresses netip.Prefix) map[types.UID]decision {
	used := map[netip.Addr]bool{addresses.Addr(): true}
	present := map[types.UID]bool{}
	for _, service := range all {
		present[service.UID] = true
		for _, ingress := range service.Status.LoadBalancer.Ingress {
			if address, err := netip.ParseAddr(ingress.IP); err == nil {
				used[address] = true
			}
		}
	}
	for uid, address := range given {
		if present[uid] {
			used[address] = true
		} else {
			delete(given, uid)
		}
	}
	decisions := map[types.UID]decision{}
	for _, service := range all {
		_, known := given[service.UID]
		wants := service.Spec.Type == v1.ServiceTypeLoadBalancer && service.Spec.LoadBalancerClass == nil &&
			service.DeletionTimestamp == nil
		has := len(service.Status.LoadBalancer.Ingress) > 0
		switch {
		case wants && !has && !known:
			for address := addresses.Addr(); addresses.Contains(address); address = address.Next() {
				if !used[address] {
					used[address] = true
					given[service.UID] = address
					decisions[service.UID] = decision{service, address}
					break
				}
			}
		case !wants && has && service.Spec.LoadBalancerClass == nil:
			delete(given, service.UID)
			decisions[service.UID] = decision{service: service}
		}
	}
	return decisions
}

func patchStatus(ctx context.Context, client kubernetes.Interface, service *v1.Service, address netip.Addr) error {
	ingress := []v1.LoadBalancerIngress{}
	if address.IsValid() {
		ingress = append(ingress, v1.LoadBalancerIngress{IP: address.String()})
	}
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"loadBalancer": map[string]any{"ingress": ingress}}})
	if err != nil {
		return fmt.Errorf("invariant: a status is JSON: %w", err)
	}
	_, err = client.CoreV1().Services(service.Namespace).
		Patch(ctx, service.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "load-balancers"}, "status")
	return err
}
